"""The reaper: what befalls a server every now and then, while a crew works with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import monotonic


class Reaper:
    """Kills a server every now and then, between what else happens, so many times."""

    def __init__(self, kill: Callable[[], None], random: random.Random, times: int) -> None:
        self.kill = kill
        self.random = random
        self.left = times
        self._next = monotonic() + random.uniform(0.3, 1)

    def __call__(self) -> None:
        """Look whether it is time."""
        if self.left and monotonic() > self._next:
            self.left -= 1
            self.kill()
            self._next = monotonic() + self.random.uniform(0.3, 1)
