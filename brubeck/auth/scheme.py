"""`Scheme`: one way of authenticating a request.

A scheme answers a request in one of three ways: with a `Caller`; with None, where the request
brings nothing of its kind, so that the next scheme may look; or with `BadCredentials`, where it
does and they are not good. So bad credentials are never the same as none.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, ClassVar, Final, TypeVar

from brubeck.auth.accounts import AuthContext
from brubeck.auth.caller import Caller
from brubeck.auth.errors import BadCredentials
from brubeck.callables import check_methods, check_plain, check_type
from brubeck.errors import ConfigError
from brubeck.http import Problem, Request

T = TypeVar("T")
V = TypeVar("V")

MAX_CREDENTIALS_LENGTH: Final = 16_384
"""How many characters credentials may have in a header."""


class Scheme(ABC):
    """One way of authenticating requests. A scheme keeps no state of a request."""

    name: ClassVar[str]
    """The name of the scheme in a description of the API."""

    trusted_origins: Collection[str] = ()
    """Origins of pages, beside our own, that may write for a caller of this scheme."""
    uses_accounts: bool = False
    """Whether its callers are accounts of the application."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a scheme of coroutines, which would let everybody in."""
        super().__init_subclass__(**kwargs)
        check_methods(cls)
        _refuse_unread(cls)

    @property
    def request_headers(self) -> tuple[str, ...]:
        """The headers that carry the credentials, beside ``Authorization`` and ``Cookie``.

        Pages of other origins may send them where ``cors`` lets them, and the ``Vary`` of an answer
        for which the scheme was asked names them. By default it is the header that `openapi` names,
        if it names one.
        """
        described = self.openapi()
        if described.get("in") != "header":
            return ()
        return (str(described["name"]),)

    @property
    def challenge(self) -> str | None:
        """The value of ``WWW-Authenticate`` in a 401; None for a scheme that HTTP does not know."""
        return None

    def check(self, context: AuthContext) -> None:  # noqa: B027, most schemes need nothing
        """Raise `ConfigError` where the configuration lacks something that the scheme needs.

        Called once, before a program serves.
        """

    @abstractmethod
    def authenticate(self, request: Request, context: AuthContext) -> Caller | None:
        """Return the caller, or None where the request brings no credentials of this kind.

        Raises `BadCredentials` where it brings bad ones, and a `Problem` (403) for good ones that
        may not be used like this.
        """

    def finds_callers_of(self, schemes: Iterable[Scheme]) -> bool:
        """Return whether one of some schemes finds the same callers as this one.

        That is one of Brubeck's own classes that asks the application's accounts, too, or one with
        the same class and attributes.
        """
        kind = type(self)
        by_accounts = self.uses_accounts and kind.__module__.startswith("brubeck.")
        return any(
            type(each) is kind
            and (vars(each) == vars(self) or (by_accounts and each.uses_accounts))
            for each in schemes
        )

    @abstractmethod
    def openapi(self) -> dict[str, object]:
        """Return the security scheme object of OpenAPI 3.1 (section 4.8.27)."""


def _refuse_unread(scheme: type) -> None:
    """Raise `ConfigError` for a member that an argument of the same name hides: nobody reads it.

    A ``lookup`` that refuses somebody would be a method that nobody calls.
    """
    own: dict[str, type] = {}
    read: set[str] = set()
    for base in scheme.__mro__:
        if base is object or base.__module__.startswith("brubeck."):
            break
        own = {**dict.fromkeys(vars(base), base), **own}
        made = getattr(vars(base).get("__init__"), "__code__", None)
        read |= set(() if made is None else made.co_names)
    if "__init__" not in vars(base) or base is object:
        return
    for name in inspect.signature(base).parameters:
        if name in own and name not in read:  # its own __init__ may hand it over
            raise ConfigError(
                f"{own[name].__name__}.{name} is never read: give {base.__name__} an argument "
                f"{name}=…, such as {name}=self.{name} in an __init__ of your own."
            )


def origins_of(schemes: Iterable[Scheme]) -> list[str]:
    """Return the origins that some schemes trust."""
    return [origin for each in schemes for origin in each.trusted_origins]


def authenticate(
    schemes: Sequence[Scheme], request: Request, context: AuthContext
) -> Caller | None:
    """Return the caller that the first scheme finds; None where the request names nobody.

    Raises `BadCredentials` and `Problem` as the schemes do, and `TypeError` for a scheme that
    returns anything but a `Caller` or None. The answer is noted as one that depends on the headers
    of each scheme that was asked.
    """
    for scheme in schemes:
        request.note_identity(scheme.request_headers)
        name = f"{type(scheme).__name__}.authenticate"
        caller = check_type(scheme.authenticate(request, context), Caller, name)
        if caller is not None:
            request.found_by = scheme
            return caller
    return None


def plain_lookup(lookup: Callable[[T], V] | None) -> Callable[[T], V] | None:
    """Return the look-up that a scheme was given; `ConfigError` for a coroutine function."""
    if lookup is not None:
        check_plain(lookup, "lookup", generators=False)
    return lookup


def unknown(schemes: Sequence[Scheme], detail: str, challenge: str | None = None) -> Problem:
    """Return the 401 that names the ways in: those of schemes, or the one of bad credentials."""
    found = [challenge] if challenge else [scheme.challenge for scheme in schemes]
    # A 401 has to name a way in (RFC 9110, section 15.5.2); one of its own has a name, too.
    challenges = [each for each in found if each] or ["Custom"]
    return Problem(401, detail, headers={"WWW-Authenticate": ", ".join(challenges)})


def sent_credentials(request: Request, scheme: str) -> str | None:
    """Return the credentials in ``Authorization`` for a scheme; None where it names another.

    The scheme's name is in any case (RFC 9110, section 11.1). Raises `BadCredentials` for more
    than `MAX_CREDENTIALS_LENGTH` characters.
    """
    header = request.header("authorization")
    if header is None:
        return None
    name, _, credentials = header.strip(" ").partition(" ")
    if name.lower() != scheme.lower():
        return None
    if len(credentials) > MAX_CREDENTIALS_LENGTH:
        raise BadCredentials(f"Credentials have at most {MAX_CREDENTIALS_LENGTH} characters.")
    return credentials.strip(" ")


def quoted_string(text: str) -> str:
    r"""Return a text as a quoted string (RFC 9110, section 5.6.4); `ConfigError` if it cannot be.

    >>> print(quoted_string('the "inner" ring'))
    "the \"inner\" ring"
    """
    if not (text.isascii() and text.isprintable()):
        raise ConfigError(f"A realm is printable ASCII, not {text!r}.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
