"""A cache of recently verified passwords, which need not be hashed for every request.

Hashes of passwords are slow on purpose, and Basic authentication brings the password with every
request. The cache has neither the password nor anything that could be tried elsewhere: a hash
under a key that never leaves the process. It depends on the password line too, so a changed
password is forgotten by itself.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic


class VerificationCache:
    """Remembers at most ``size`` verified passwords, each for ``seconds``."""

    def __init__(self, size: int, seconds: float, *, now: Callable[[], float] = monotonic) -> None:
        self._size = size
        self._seconds = seconds
        self._now = now
        self._key = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def __repr__(self) -> str:
        return f"<RecentlyVerified {len(self)}>"

    def knows(self, password: bytes, line: str) -> bool:
        """Return whether this password was found to be right for this line not long ago."""
        name = self._name(password, line)
        until = self._until.get(name)
        if until is None:
            return False
        if until <= self._now():
            self._until.pop(name, None)
            return False
        return True

    def add(self, password: bytes, line: str) -> None:
        """Remember that a password is right for a line; the oldest entries make room."""
        self._until[self._name(password, line)] = self._now() + self._seconds
        while len(self._until) > self._size:
            self._until.popitem(last=False)

    def _name(self, password: bytes, line: str) -> bytes:
        encoded = line.encode("utf-8", "surrogatepass")
        # The length in front: no line can pass for the beginning of a password.
        framed = len(encoded).to_bytes(8) + encoded + password
        return hashlib.blake2b(framed, key=self._key, digest_size=32).digest()
