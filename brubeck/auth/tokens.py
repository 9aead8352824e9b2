"""Opaque tokens: long random texts of which only digests are ever kept.

A token has 256 bits of chance, so a plain SHA-256 is enough: nobody can try all of them. Its prefix
lets people, and programs that look for leaked secrets, see what it is.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

PREFIX: Final = "brb_"


def new_token() -> str:
    """Return a new token; to be shown once, to its owner."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return the digest by which a token is stored: its SHA-256, in hexadecimal.

    >>> digest('brb_take-five')[:16]
    'fade6b867ddca705'
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
