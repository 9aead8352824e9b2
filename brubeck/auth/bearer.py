"""Bearer authentication with opaque tokens (RFC 6750), from the header alone."""

from __future__ import annotations

from collections.abc import Callable

from brubeck.auth.accounts import AuthContext, Grant, check_expiry
from brubeck.auth.caller import Caller
from brubeck.auth.errors import BadCredentials
from brubeck.auth.scheme import Scheme, plain_lookup, quoted_string, sent_credentials
from brubeck.auth.tokens import PREFIX, digest
from brubeck.callables import check_type
from brubeck.http import Request

_INVALID = "The token is not valid."


class BearerAuth(Scheme):
    """An opaque token, which `brubeck.auth.tokens` made.

    ``lookup`` is called with a token's digest and returns its `Grant` or None, in place of the
    application's accounts. A token that begins with something else than ``prefix`` is left to
    another scheme, such as `JWTAuth`. A token in the query is never looked at: URLs end in logs.
    """

    name = "bearer"

    def __init__(
        self,
        realm: str = "brubeck",
        *,
        prefix: str = PREFIX,
        lookup: Callable[[str], Grant | None] | None = None,
    ) -> None:
        self._challenge = f"Bearer realm={quoted_string(realm)}"
        self._prefix = prefix
        self._lookup = plain_lookup(lookup)
        self.uses_accounts = lookup is None

    @property
    def challenge(self) -> str:
        """The value of ``WWW-Authenticate`` in a 401."""
        return self._challenge

    def authenticate(self, request: Request, context: AuthContext) -> Caller | None:
        """Return the caller of the request's token; None without one that starts with the prefix.

        Raises `BadCredentials` for a token that is unknown or expired, or has an inactive account.
        """
        token = sent_credentials(request, "Bearer")
        if token is None or not token.startswith(self._prefix):
            return None
        lookup = self._lookup or context.accounts.by_token
        try:
            return _caller(check_type(lookup(digest(token)), Grant, "lookup"), context)
        except BadCredentials as reason:
            challenge = f'{self._challenge}, error="invalid_token"'
            raise BadCredentials(str(reason), challenge=challenge) from None

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "http", "scheme": "bearer"}


def _caller(grant: Grant | None, context: AuthContext) -> Caller:
    if grant is None:
        raise BadCredentials(_INVALID)
    check_expiry(grant.expires_at, context.clock, "The token has expired.")
    credential = f"token:{grant.token_id or grant.account.id}"
    return grant.account.caller(credential, grant.scopes)
