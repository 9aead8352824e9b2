"""Requests signed with a key that both sides know: HTTP Message Signatures (RFC 9421).

The secret never travels, and what was signed cannot be changed or sent again:

- A signature covers the method, where the request goes to, and, where there is a body, its digest.
- It says when it was made; one that is too old, or from the future, is refused.
- It has a nonce, and each nonce is good once: for all processes where the accounts remember
  (`RemembersNonces`, as those in a storage do), otherwise for each process by itself.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final, TypeGuard
from weakref import WeakKeyDictionary

from brubeck.auth.accounts import AuthContext, RemembersNonces, SigningKey, check_expiry
from brubeck.auth.caller import Caller
from brubeck.auth.errors import BadCredentials
from brubeck.auth.replay import SeenNonces
from brubeck.auth.scheme import Scheme, plain_lookup
from brubeck.auth.signed_messages import (
    Signature,
    check_digest,
    read_signatures,
    sign,
    signature_base,
)
from brubeck.callables import check_type
from brubeck.http import Request

ALGORITHM: Final = "hmac-sha256"
LONGEST_NONCE: Final = 256

_WRONG: Final = "The signature is not valid."
_WHERE: Final = (
    frozenset({"@target-uri"}),
    frozenset({"@authority", "@request-target"}),
    frozenset({"@authority", "@path", "@query"}),
    frozenset({"@authority", "@path"}),
)


class SignatureAuth(Scheme):
    """A request that is signed with ``hmac-sha256``.

    ``max_age`` and ``leeway`` are seconds: how old a signature may be, and how far ahead of ours
    the clock of the signer. ``lookup`` is called with the id of a key and returns its `SigningKey`
    or None, in place of the application's accounts. Clients sign with
    `brubeck.auth.signed_messages.signed_headers`, or any library of RFC 9421.
    """

    name = "signature"

    def __init__(
        self,
        max_age: float = 300,
        *,
        leeway: float = 30,
        lookup: Callable[[str], SigningKey | None] | None = None,
    ) -> None:
        self._max_age = max_age
        self._leeway = leeway
        self._lookup = plain_lookup(lookup)
        self.uses_accounts = lookup is None
        self._seen = SeenNonces()
        # A feed that stays open asks again, with the same request, whether its key is still good.
        self._accepted: WeakKeyDictionary[Request, str] = WeakKeyDictionary()

    def authenticate(self, request: Request, context: AuthContext) -> Caller | None:
        """Return the caller with the key that signed the request; None without a signature.

        Raises `BadCredentials` for a signature that cannot be verified.
        """
        described = request.header("signature-input")
        signed = request.header("signature")
        if described is None and signed is None:
            return None
        accepted = self._accepted.get(request)
        if accepted is not None:
            return _caller(self._key(accepted, context), context)
        refused: BadCredentials | None = None
        for read in read_signatures(described or "", signed or ""):
            try:
                return self._verified(request, read(), context)
            except BadCredentials as reason:
                # The signature of a proxy may stand before the one by a key of ours, or behind it.
                refused = refused or reason
        raise refused or BadCredentials(_WRONG)

    def _verified(self, request: Request, signature: Signature, context: AuthContext) -> Caller:
        created, key_id, nonce = _said(signature.parameters)
        self._check_time(created, signature.parameters, context)
        _check_cover(request, signature)
        key = self._key(key_id, context)
        base = signature_base(request, signature.components, signature.parameters)
        secret = b"" if key is None else key.secret
        # An unknown key takes the time that a known one takes.
        if not hmac.compare_digest(sign(base, secret), signature.signed) or not secret:
            raise BadCredentials(_WRONG)
        if "content-digest" in signature.components:
            check_digest(request)
        caller = _caller(key, context)
        self._check_nonce(key_id, nonce, created, context)
        self._accepted[request] = key_id
        return caller

    @property
    def request_headers(self) -> tuple[str, ...]:
        """The headers of a signature, and the digest that it covers."""
        return ("Signature", "Signature-Input", "Content-Digest")

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object; OpenAPI has no words for such signatures."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Signature",
            "description": "An HTTP message signature (RFC 9421) by hmac-sha256, with "
            "Signature-Input, created, keyid and nonce.",
        }

    def _key(self, key_id: str, context: AuthContext) -> SigningKey | None:
        lookup = self._lookup or context.accounts.signing_key
        return check_type(lookup(key_id), SigningKey, "lookup")

    def _check_time(self, created: int, parameters: dict[str, Any], context: AuthContext) -> None:
        now = context.clock.micros() / 1e6
        expires = parameters.get("expires")
        if not (expires is None or _is_whole(expires)):
            raise BadCredentials("expires is a whole number of seconds.")
        if created > now + self._leeway:
            raise BadCredentials("The signature is from the future.")
        if created + self._max_age <= now or (expires is not None and expires <= now):
            raise BadCredentials("The signature is too old; sign the request again.")

    def _check_nonce(self, key_id: str, nonce: str, created: int, context: AuthContext) -> None:
        name = hashlib.sha256(f"{key_id}\n{nonce}".encode("utf-8", "surrogatepass")).hexdigest()
        accounts = context.accounts
        if isinstance(accounts, RemembersNonces):
            first = accounts.first_use(name, self._max_age + self._leeway)
        else:
            first = self._seen.first_use(name, created, key_id)
        if not first:
            raise BadCredentials(
                "The nonce was already used; sign the request again with another nonce."
            )


def _said(parameters: dict[str, Any]) -> tuple[int, str, str]:
    """Return the parameters (created, key id, nonce); `BadCredentials` where one is missing."""
    created, key_id, nonce = (parameters.get(name) for name in ("created", "keyid", "nonce"))
    if not (_is_whole(created) and isinstance(key_id, str) and isinstance(nonce, str)):
        raise BadCredentials("A signature says created, keyid and nonce.")
    if not 0 < len(nonce) <= LONGEST_NONCE:
        raise BadCredentials(f"A nonce has 1 to {LONGEST_NONCE} characters.")
    if parameters.get("alg", ALGORITHM) != ALGORITHM:
        raise BadCredentials(f"The algorithm is {ALGORITHM}.")
    return created, key_id, nonce


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_cover(request: Request, signature: Signature) -> None:
    """Refuse a signature that would be as good for another request."""
    covered = set(signature.components)
    # Without a query there is none to cover; a client that adds one has to cover it.
    enough = _WHERE[:3] if "?" in request.target else _WHERE
    if "@method" not in covered or not any(where <= covered for where in enough):
        raise BadCredentials("A signature covers @method and @target-uri.")
    if "content-digest" not in covered and request.open_body().read(1):
        raise BadCredentials("A signature covers the content-digest of a body.")


def _caller(key: SigningKey | None, context: AuthContext) -> Caller:
    if key is None:
        raise BadCredentials(_WRONG)
    check_expiry(key.expires_at, context.clock, "The key has expired.")
    return key.account.caller(f"key:{key.id}", key.scopes)
