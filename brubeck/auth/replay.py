"""Nonces that have come, in the memory of one process; for accounts that remember none."""

from __future__ import annotations

from collections import OrderedDict
from math import inf

from brubeck.green import Lock


class SeenNonces:
    """Remembers at most ``size`` nonces, and never lets one pass twice.

    What no longer fits is forgotten together with all that its signer signed up to its time: a
    request of the same signer that is that old is refused, whatever its nonce. So a signer of many
    requests, maybe with times ahead of the clock, has none of others refused.
    """

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        self._seen: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._forgotten: dict[str, float] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def first_use(self, nonce: str, created: float, signer: str = "") -> bool:
        """Return whether a nonce, signed by a known signer at that time, comes for the first time.

        Nonces of two signers have to differ.
        """
        with self._lock:
            if created <= self._forgotten.get(signer, -inf) or nonce in self._seen:
                return False
            self._seen[nonce] = signer, created
            while len(self._seen) > self._size:
                _, (other, time) = self._seen.popitem(last=False)
                self._forgotten[other] = max(self._forgotten.get(other, -inf), time)
            return True
