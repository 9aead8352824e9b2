"""Nonces that have come, in the memory of one process; for accounts that remember none."""

from __future__ import annotations

from collections import OrderedDict

from brubeck.green import Lock


class SeenNonces:
    """Remembers at most ``size`` nonces, and never lets one pass twice.

    What no longer fits is forgotten together with all that was signed up to its time: a request
    that old is refused, whatever its nonce.
    """

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._forgotten = float("-inf")
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def first_use(self, nonce: str, created: float) -> bool:
        """Return whether a nonce, signed at that time, comes for the first time."""
        with self._lock:
            if created <= self._forgotten or nonce in self._seen:
                return False
            self._seen[nonce] = created
            while len(self._seen) > self._size:
                _, forgotten = self._seen.popitem(last=False)
                self._forgotten = max(self._forgotten, forgotten)
            return True
