"""Signed values: JSON that anybody may read and only a holder of the key could have written.

A list of keys is a rotation: the first one signs, all of them verify. A purpose keeps a value that
was signed for one thing from being used for another. Never pickle: an attacker who guesses a key
must not be able to run code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeTimedSerializer

from brubeck.errors import BrubeckError, ConfigError


class BadSignature(BrubeckError):
    """A value that was not signed by us, for this purpose, or not recently enough."""


def sign(value: object, keys: str | Sequence[str], *, purpose: str) -> str:
    """Return a JSON value, signed and dated, in letters that fit a URL or a cookie."""
    return str(_serializer(keys, purpose).dumps(value))


def unsign(
    signed: str, keys: str | Sequence[str], *, purpose: str, max_age: float | None = None
) -> object:
    """Return the value that was signed; `BadSignature` for any other or one older than seconds."""
    age = None if max_age is None else int(max_age)
    try:
        value: object = _serializer(keys, purpose).loads(signed, max_age=age)
    except BadData as reason:
        raise BadSignature("The signature does not match, or has expired.") from reason
    return value


def _serializer(keys: str | Sequence[str], purpose: str) -> URLSafeTimedSerializer:
    keys = [keys] if isinstance(keys, str) else keys  # of a text not each letter is one
    if not keys or not all(keys):
        raise ConfigError("Signing needs a key: set app.cookie_secret.")
    # itsdangerous signs with the last key of its list.
    return URLSafeTimedSerializer(
        list(reversed(keys)),
        salt=f"brubeck.{purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
