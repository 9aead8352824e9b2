"""Signatures of messages, as in Standard Webhooks (https://www.standardwebhooks.com), version 1."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
"""The size of a secret; the standard takes 24 to 64 bytes."""
ROTATION: Final = 24 * 3600
"""Seconds for which messages are also signed with the previous secret."""


def new_secret() -> str:
    """Return a new secret: ``whsec_`` and random bytes in base64."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(keys: Iterable[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``webhook-signature``: a signature for each secret.

    >>> signature(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    ...           1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = b"%b.%d.%b" % (webhook_id.encode(), timestamp, body)
    return " ".join(f"v1,{_digest(key, signed)}" for key in keys)


def _digest(key: str, signed: bytes) -> str:
    secret = b64decode(key.removeprefix(PREFIX))
    return b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
