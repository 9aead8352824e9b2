"""Authentication by decorator: handlers that know their user, methods that ask for one.

>>> from brubeck import WebMessageHandler
>>> class DemoHandler(WebMessageHandler, UserHandlingMixin):
...     @web_authenticated
...     def post(self):
...         return self.render()
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from brubeck.auth.csrf import (
    SAFE_METHODS,
    require_same_site,
    require_same_site_of_cookies,
    require_same_site_of_simple_requests,
)
from brubeck.auth.errors import BadCredentials
from brubeck.auth.next_url import NEXT, is_local, wanted, with_next
from brubeck.auth.scheme import Scheme, authenticate, origins_of, unknown
from brubeck.callables import check_plain, check_value
from brubeck.errors import ConfigError
from brubeck.http import Request, Response

log = logging.getLogger("brubeck.app")

Method = TypeVar("Method", bound=Callable[..., Any])

_RIGHTS: Final = ("active", "is_active", "is_authenticated")
"""The attributes of accounts, here and elsewhere, with the value False for a former user."""
_NOT_ASKED: Final = object()


def authenticated(method: Method) -> Method:
    """Let a method be called only for a known user; others get 401.

    The handler has a ``current_user``, as a `UserHandlingMixin` has.
    """
    _check_method(method, "authenticated")

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs) if _known(self) else _refused(self)

    return cast("Method", wrapper)


def web_authenticated(method: Method) -> Method:
    """Let a method be called only for a known user; others are sent to ``login_url``.

    A GET passes its URL there as ``next``, so that `UserHandlingMixin.next_url` can lead back to
    it. Without a ``login_url`` the answer is 401.
    """
    _check_method(method, "web_authenticated")

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs) if _known(self) else _sent_to_log_in(self)

    return cast("Method", wrapper)


def same_site_only(method: Method) -> Method:
    """Let a method write only for pages of this site; all other pages get 403, for any user.

    For forms without a user, such as the one to log in: no page of another site may log somebody
    in, not even as somebody else. The handler may name ``trusted_origins``.
    """
    _check_method(method, "same_site_only")

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        require_same_site(self.message, _trusted(self))
        return method(self, *args, **kwargs)

    return cast("Method", wrapper)


def _known(handler: Any) -> bool:
    """Return whether a handler knows its user, and may be asked to write for that user."""
    if not _user(handler.current_user, "current_user"):  # also one of a property of its own
        return False
    # The mixin has checked by itself, unless its property is overridden, or there is no mixin.
    if getattr(type(handler), "current_user", None) is not UserHandlingMixin.current_user:
        require_same_site_of_cookies(handler.message, _trusted(handler))
    return True


def _check_method(method: Callable[..., Any], decorator: str) -> None:
    """Raise `ConfigError` for anything but a method of a handler, which no decorator protects.

    One above a route's decorator would protect a function that nobody calls.
    """
    name = getattr(method, "__qualname__", repr(method))
    check_plain(method, name)
    first, *others = (*_parameters(method), "self")
    is_method = "." in name.rpartition("<locals>.")[2] or first == "self" or len(others) < 2
    if isinstance(method, type) or not is_method:
        raise ConfigError(f"{decorator} is for methods of handlers, and {name} is none.")


def _parameters(method: Callable[..., Any]) -> Iterable[str]:
    try:
        return inspect.signature(method).parameters
    except ValueError:  # one that is written in C has no signature
        return ()


def _user(found: Any, name: str) -> Any:
    """Return the value of a user, or of none; `TypeError` for one that was meant as a refusal.

    That is an answer, an exception, a tuple with a reason, or a method in place of its value.
    """
    check_value(found, name)
    if isinstance(found, Response | type) or type(found) is tuple or inspect.isroutine(found):
        raise TypeError(
            f"{name} returned {type(found).__name__}: it returns a user, or None, and raises a "
            "Problem to refuse"
        )
    return None if any(getattr(found, each, True) is False for each in _RIGHTS) else found


def _texts(origins: Collection[str]) -> Collection[str]:
    return (origins,) if isinstance(origins, str) else origins


def _trusted(handler: Any) -> Collection[str]:
    origins: Collection[str] = getattr(handler, "trusted_origins", ())
    return origins


def _refused(handler: Any) -> Response:
    if isinstance(handler, UserHandlingMixin):
        return handler.auth_error()
    problem = unknown((), "Log in first.")
    return cast("Response", handler.render_problem(problem))


def _sent_to_log_in(handler: Any) -> Response:
    login_url: str = handler.application.login_url
    if not login_url:
        log.error("web_authenticated needs to know where people log in: set app.login_url")
        return _refused(handler)
    request: Request = handler.message
    handler.headers["Cache-Control"] = "no-store"
    # Whatever was to be written, the page to log in is asked for by GET (RFC 9110, 15.4.4).
    status = 302 if request.method in SAFE_METHODS else 303
    url = with_next(login_url, wanted(request))
    return cast("Response", handler.redirect(url, status))


class UserHandlingMixin:
    """A handler that knows its user: looked up at the first use, at most once a request.

    Name ``schemes``, or override `get_current_user`.
    """

    schemes: ClassVar[Sequence[Scheme]] = ()
    """The schemes of authentication, tried in this order."""
    trusted_origins: ClassVar[Collection[str]] = ()
    """Origins, such as ``https://app.example``, of pages that may write here with their cookies.

    They are for an overridden `get_current_user` and for `same_site_only`; a `CookieAuth` among the
    schemes has its own.
    """

    _current_user: Any = _NOT_ASKED
    _current_userprofile: Any = _NOT_ASKED
    _bad: BadCredentials | None = None

    if TYPE_CHECKING:
        message: Request
        application: Any
        render_problem: Any

    @property
    def current_user(self) -> Any:
        """The user of the request; None without credentials, and with bad ones.

        A user that an overridden `get_current_user` may have found by a cookie writes only from
        pages of this site, or of ``trusted_origins``; from others it is a `Problem` (403).
        """
        if self._current_user is _NOT_ASKED:
            try:
                found = _user(self.get_current_user(), "get_current_user")
            except BadCredentials as reason:
                self._bad = reason
                found = None
            finally:
                if not self.message.identity:  # a header of its own, the query, an address
                    self.message.note_identity("*")
            # Schemes know by themselves which of them can be talked into something.
            if found and type(self).get_current_user is not UserHandlingMixin.get_current_user:
                require_same_site_of_cookies(self.message, self.trusted_origins)
            if found:
                trusted = (*_texts(self.trusted_origins), *origins_of(self.schemes))
                require_same_site_of_simple_requests(self.message, trusted)
            self._current_user = found
        return self._current_user

    @property
    def current_userprofile(self) -> Any:
        """The user's profile, as `get_current_userprofile` finds it."""
        if self._current_userprofile is _NOT_ASKED:
            found = self.get_current_userprofile()
            self._current_userprofile = _user(found, "get_current_userprofile")
        return self._current_userprofile

    def get_current_user(self) -> Any:
        """Return the user, or None; to be overridden where ``schemes`` will not do.

        It may return any value that stands for a user, and raise `BadCredentials`, or a `Problem`.
        """
        return authenticate(self.schemes, self.message, self.application)

    def get_current_userprofile(self) -> Any:
        """Return the profile of the current user, or None; to be overridden."""
        return None

    def auth_error(self) -> Response:
        """Answer a refused request: 401, with the challenges of the schemes; may be overridden."""
        bad = self._bad or BadCredentials("Log in first.")
        problem = unknown(self.schemes, str(bad), bad.challenge)
        return cast("Response", self.render_problem(problem))

    def next_url(self, default: str = "/") -> str:
        """Return where to go after the log-in: a path of this site, or the default."""
        target = self.message.get_argument(NEXT)
        return target if target is not None and is_local(target) else default
