"""Basic authentication: a name and a password with each request (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Callable

from brubeck.auth.accounts import Account, AuthContext
from brubeck.auth.caller import Caller
from brubeck.auth.errors import BadCredentials
from brubeck.auth.guesses import Guesses
from brubeck.auth.passwords import check_password, was_checked
from brubeck.auth.scheme import Scheme, plain_lookup, quoted_string, sent_credentials
from brubeck.callables import check_type
from brubeck.http import Request

_MALFORMED = "Basic credentials are a name, a colon and a password, as base64 of UTF-8."


class BasicAuth(Scheme):
    """A name and a password, in UTF-8.

    ``lookup`` is called with a name and returns its `Account` or None, in place of the
    application's accounts. Passwords travel as they are, so serve it over TLS alone.
    """

    name = "basic"

    def __init__(
        self, realm: str = "brubeck", *, lookup: Callable[[str], Account | None] | None = None
    ) -> None:
        self._challenge = f'Basic realm={quoted_string(realm)}, charset="UTF-8"'
        self._lookup = plain_lookup(lookup)
        self.uses_accounts = lookup is None
        self._guesses = Guesses()

    @property
    def challenge(self) -> str:
        """The value of ``WWW-Authenticate`` in a 401."""
        return self._challenge

    def authenticate(self, request: Request, context: AuthContext) -> Caller | None:
        """Return the caller of a name and a password; an unknown name takes as long as a known one.

        Raises a `Problem` (429), before anything is hashed, after too many failures of a network.
        """
        sent = sent_credentials(request, "Basic")
        if sent is None:
            return None
        username, password = parse_basic(sent)
        lookup = self._lookup or context.accounts.by_username
        account = check_type(lookup(username), Account, "lookup")
        line = "" if account is None else account.password_line
        guesses = self._guesses_of(context)
        guesses.refuse(request.remote_addr, username)
        if account is not None and account.active and was_checked(password, line):
            return account.caller(f"basic:{account.id}")
        with guesses.attempt(request.remote_addr, username) as attempt:
            # An unknown name takes as long as any other, and an inactive account is as one.
            is_right = check_password(password, line)
            if account is not None and account.active and is_right:
                attempt.succeed()
        if account is None or not attempt.succeeded:
            raise BadCredentials("The name or the password is wrong.")
        return account.caller(f"basic:{account.id}")

    def _guesses_of(self, context: AuthContext) -> Guesses:
        """Return the failures that are counted: with the accounts, or for a look-up, here."""
        counted = getattr(context.accounts, "guesses", None) if self._lookup is None else None
        return counted if isinstance(counted, Guesses) else self._guesses

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "http", "scheme": "basic"}


def parse_basic(credentials: str) -> tuple[str, str]:
    """Return the name and the password of Basic credentials; `BadCredentials` for nonsense.

    >>> parse_basic('cGF1bDp0YWtlOmZpdmU=')
    ('paul', 'take:five')
    """
    try:
        text = base64.b64decode(credentials.encode("ascii"), validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise BadCredentials(_MALFORMED) from None
    username, colon, password = text.partition(":")
    if not colon or any(unicodedata.category(char) == "Cc" for char in text):
        raise BadCredentials(_MALFORMED)
    return username, password
