"""Sessions in a signed cookie: the account and the start; the server stores nothing.

The cookie holds JSON that anybody may read and only a holder of the keys could have written: the
id of the account, when the session began, and a fingerprint of its name and password line, so that
a changed one ends every session that began with the former one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol

import msgspec

from brubeck import signing
from brubeck.auth.accounts import Account, AuthContext
from brubeck.auth.caller import Caller
from brubeck.auth.csrf import require_same_site
from brubeck.auth.errors import BadCredentials
from brubeck.auth.scheme import Scheme, plain_lookup
from brubeck.callables import check_type
from brubeck.errors import ConfigError
from brubeck.http import Request
from brubeck.http.origins import declared_origins

TWO_WEEKS: Final = 14 * 86_400
MAX_COOKIE_LENGTH: Final = 4096
"""How long a cookie may be; no browser keeps a longer one."""

_PURPOSE: Final = "session"
_OVER: Final = "The session is not valid, or is over; log in again."


class Handler(Protocol):
    """The parts of a handler that a session uses: its application and its cookies."""

    @property
    def application(self) -> AuthContext:
        """The application."""

    def set_cookie(self, key: str, value: Any, secret: str | None = None, **options: Any) -> None:
        """Give the browser a cookie."""

    def delete_cookie(self, key: str, **options: Any) -> None:
        """Make the browser forget a cookie."""


class _Session(msgspec.Struct, forbid_unknown_fields=True):
    """The content of the cookie; times are milliseconds since the epoch."""

    user: str
    began: int
    line: str


class CookieAuth(Scheme):
    """A session in a signed cookie; handlers `begin` and `end` it.

    A session is over ``max_age`` seconds after it began. The application's ``cookie_secret``
    signs; of several keys the first signs and all verify. Writes must come from a page of this
    site, or of the origins in ``trusted_origins``; others get 403. ``lookup`` is called with the
    id of an account and returns it or None, in place of the application's accounts.
    """

    name = "session"

    def __init__(
        self,
        cookie: str = "session",
        max_age: float = TWO_WEEKS,
        *,
        trusted_origins: Collection[str] = (),
        lookup: Callable[[str], Account | None] | None = None,
    ) -> None:
        self.cookie = cookie
        self.max_age = max_age
        if isinstance(trusted_origins, str):
            trusted_origins = (trusted_origins,)  # without the brackets, the whole text is meant
        try:
            self.trusted_origins = declared_origins(tuple(trusted_origins))
        except ValueError as reason:
            raise ConfigError(f"trusted_origins: {reason}.") from None
        self.lookup = plain_lookup(lookup)
        self.uses_accounts = lookup is None

    def check(self, context: AuthContext) -> None:
        """Raise `ConfigError` where there is no key to sign sessions with."""
        if not context.cookie_keys:
            raise ConfigError(
                "CookieAuth signs sessions with app.cookie_secret, which is not set: give it a "
                "long random text."
            )

    def authenticate(self, request: Request, context: AuthContext) -> Caller | None:
        """Return the caller of the request's session; None without one.

        Raises `BadCredentials` for a session that is over or has an inactive account, and a
        `Problem` (403) for a write from another site.
        """
        signed = request.cookies.get(self.cookie)
        if not signed:
            return None
        session = self._read(signed, context)
        lookup = self.lookup or context.accounts.by_id
        account = check_type(lookup(session.user), Account, "lookup")
        line = session.line.encode("utf-8", "surrogatepass")
        if account is None or not hmac.compare_digest(_fingerprint(account).encode(), line):
            raise BadCredentials(_OVER)
        caller = account.caller(f"session:{account.id}")
        require_same_site(request, self.trusted_origins)
        return caller

    def begin(self, handler: Handler, account: Account, **options: Any) -> None:
        """Send the cookie of a new session, for an account with a verified password.

        The options are those of `brubeck.http.cookies.Cookie`.
        """
        context = handler.application
        session = _Session(account.id, context.clock.micros() // 1000, _fingerprint(account))
        value = signing.sign(
            msgspec.to_builtins(session), context.cookie_keys, purpose=self._purpose
        )
        handler.set_cookie(self.cookie, value, **{"max_age": int(self.max_age), **options})

    def end(self, handler: Handler, **options: Any) -> None:
        """Delete the session's cookie; domain and path have to be those of `begin`."""
        handler.delete_cookie(self.cookie, **options)

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "apiKey", "in": "cookie", "name": self.cookie}

    @property
    def _purpose(self) -> str:
        return f"{_PURPOSE}:{self.cookie}"

    def _read(self, signed: str, context: AuthContext) -> _Session:
        if len(signed) > MAX_COOKIE_LENGTH:
            raise BadCredentials(_OVER)
        try:
            content = signing.unsign(signed, context.cookie_keys, purpose=self._purpose)
            session = msgspec.convert(content, _Session)
        except (signing.BadSignature, msgspec.ValidationError):
            raise BadCredentials(_OVER) from None
        if session.began + self.max_age * 1000 <= context.clock.micros() // 1000:
            raise BadCredentials(_OVER)
        return session


def check_cookies(schemes: Iterable[Scheme]) -> None:
    """Raise `ConfigError` for sessions of different accounts in one cookie.

    Each scheme would take the sessions of the other: an account is known in them by its id.
    """
    known: dict[str, CookieAuth] = {}
    for each in schemes:
        if isinstance(each, CookieAuth):
            other = known.setdefault(each.cookie, each)
            if each.lookup != other.lookup:
                raise ConfigError(
                    f"Two CookieAuth with the cookie {each.cookie!r} have different look-ups, and "
                    "each would take the sessions of the other: give one of them another cookie."
                )


def _fingerprint(account: Account) -> str:
    # Nothing can be tried against it: a line has a salt that only the accounts know.
    # The name tells accounts of two kinds apart that have one id, and no password.
    identity = f"{account.id}\n{account.username}\n{account.password_line}".encode()
    return hashlib.blake2b(identity, digest_size=16, person=b"brubeck.session").hexdigest()
