"""JSON Web Tokens (RFC 7519) that somebody else gave out, as bearer tokens.

Rules:

- Which algorithms count is decided here, by an allow-list, and never by the token. A list holds
  those of one family: a public key can then never be taken for the secret of an HMAC.
- A token names its subject and its end; what else it must name is decided by the arguments.
- PyJWT does the cryptography: ``pip install 'brubeck[jwt]'``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from brubeck.auth.accounts import Account, AuthContext
from brubeck.auth.caller import Caller
from brubeck.auth.errors import BadCredentials
from brubeck.auth.scheme import Scheme, plain_lookup, quoted_string, sent_credentials
from brubeck.callables import check_type
from brubeck.errors import ConfigError, did_you_mean
from brubeck.http import Request

if TYPE_CHECKING:
    from types import ModuleType

Key: TypeAlias = str | bytes
Claims: TypeAlias = Mapping[str, Any]

SECRETS: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The algorithms with a secret, and how many bytes it has at the least (RFC 7518, section 3.2)."""
PUBLIC: Final = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    }
)
"""The algorithms with a pair of keys."""

_INVALID: Final = "The token is not valid."


class JWTAuth(Scheme):
    """A JWT of an issuer that is trusted to name the caller.

    ``key`` is the secret or the public key (PEM); or a mapping of the ids of keys (``kid``) to
    such; or a callable that is given a ``kid``, or None, and returns one or None. ``audience`` and
    ``issuer`` are the required values of ``aud`` and ``iss``; ``leeway`` allows for clocks that
    differ, in seconds. ``lookup`` is called with the claims and returns an `Account` or None;
    without it the claims themselves are taken: ``sub`` is the id, ``preferred_username`` the name,
    and the scopes are in ``scope`` or ``scp``.
    """

    name = "jwt"

    def __init__(
        self,
        key: Key | Mapping[str, Key] | Callable[[str | None], Key | None],
        *,
        algorithms: Sequence[str],
        audience: str | Sequence[str] | None = None,
        issuer: str | Sequence[str] | None = None,
        leeway: float = 0,
        realm: str = "brubeck",
        lookup: Callable[[Claims], Account | None] | None = None,
    ) -> None:
        self._algorithms = _checked(algorithms)
        given = [key] if isinstance(key, str | bytes) else _values(key)
        for each in given:
            self._check_key(each)
        self._key = key
        self._audience = audience
        self._issuer = issuer
        self._leeway = leeway
        self._lookup = plain_lookup(lookup)
        self._challenge = f"Bearer realm={quoted_string(realm)}"
        _pyjwt()

    @property
    def challenge(self) -> str:
        """The value of ``WWW-Authenticate`` in a 401."""
        return self._challenge

    def authenticate(self, request: Request, context: AuthContext) -> Caller | None:
        """Return the caller that the token names; None for a text without the form of a JWT.

        Raises `BadCredentials` for an invalid token.
        """
        del context
        token = sent_credentials(request, "Bearer")
        if token is None or token.count(".") != 2:
            return None
        try:
            return self._caller(self._claims(token))
        except BadCredentials as reason:
            challenge = f'{self._challenge}, error="invalid_token"'
            raise BadCredentials(str(reason), challenge=challenge) from reason.__cause__

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

    def _claims(self, token: str) -> dict[str, Any]:
        jwt = _pyjwt()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key_of(kid),
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._leeway,
                options={"require": ["exp", "sub"]},
            )
        except jwt.ExpiredSignatureError as reason:
            raise BadCredentials("The token has expired.") from reason
        # Beside its own errors, nonsense in a header or a claim may raise others.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as reason:
            raise BadCredentials(_INVALID) from reason
        return claims

    def _key_of(self, kid: str | None) -> Key:
        found: Key | None
        if isinstance(self._key, str | bytes):
            return self._key
        found = self._key(kid) if callable(self._key) else self._key.get(kid or "")
        if found is None:
            raise BadCredentials(_INVALID)
        self._check_key(found)
        return found

    def _check_key(self, key: Key) -> None:
        """Refuse a key that its algorithms are not safe with."""
        raw = key.encode() if isinstance(key, str) else key
        least = max(SECRETS.get(name, 0) for name in self._algorithms)
        if least and (b"-----BEGIN" in raw or raw.startswith((b"ssh-", b"ecdsa-"))):
            raise ConfigError(
                "A JWT's secret may not be a key of a pair: whoever has its public half could sign."
            )
        if len(raw) < least:
            raise ConfigError(f"A JWT's secret has at least {least} bytes for these algorithms.")

    def _caller(self, claims: Claims) -> Caller:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject or not _is_text(subject):
            raise BadCredentials(_INVALID)
        credential, scopes = f"jwt:{subject}", _scopes(claims)
        if self._lookup is None:
            name = claims.get("preferred_username")
            username = name if isinstance(name, str) and _is_text(name) else ""
            return Caller(subject, username, scopes, credential)
        account = check_type(self._lookup(claims), Account, "lookup")
        if account is None:
            raise BadCredentials(_INVALID)
        return account.caller(credential, scopes)


def _scopes(claims: Claims) -> frozenset[str]:
    """Return the scopes of claims: a text with spaces (RFC 8693, section 4.2) or a list."""
    said = claims.get("scope", claims.get("scp", ""))
    found = said.split(" ") if isinstance(said, str) else said
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadCredentials(_INVALID)
    return frozenset(found) - {""}


def _is_text(text: str) -> bool:
    """Return whether a text can be written as UTF-8: JSON can escape half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked(algorithms: Sequence[str]) -> list[str]:
    """Return an allow-list that cannot be played one algorithm against another."""
    names = [algorithms] if isinstance(algorithms, str) else list(algorithms)
    known = PUBLIC | SECRETS.keys()
    for name in names:
        if name not in known:
            raise ConfigError(f'JWTAuth: no algorithm "{name}".{did_you_mean(str(name), known)}')
    if not names or not (PUBLIC.issuperset(names) or SECRETS.keys() >= set(names)):
        raise ConfigError(
            "JWTAuth needs algorithms: those of a secret (HS256), or those of a pair of keys."
        )
    return names


def _values(key: object) -> list[Key]:
    """Return the keys that are known before a request comes."""
    return list(key.values()) if isinstance(key, Mapping) else []


def _pyjwt() -> ModuleType:
    try:
        import jwt
    except ImportError as reason:
        raise ConfigError("JWTAuth needs PyJWT: pip install 'brubeck[jwt]'.") from reason
    return jwt
