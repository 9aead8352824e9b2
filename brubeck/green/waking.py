"""Waking thousands of threads that wait for one thing, and letting others run between them.

`Condition.notify_all` makes all of them ready at once: they run one behind the other, and nobody
else until each has done what it waited for.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from brubeck import green

AT_ONCE: Final = 50
"""How many threads are woken before others have a turn."""


class FairCondition(threading.Condition):
    """A condition whose `notify_all` wakes those that wait in their order, a few at a time.

    Its lock is that of `green.Lock`. A thread that waits again meanwhile may be woken for nothing,
    as from any condition.
    """

    def __init__(self, lock: Any) -> None:
        super().__init__(lock)
        self._waiting = 0
        self._left = 0
        self._wakes = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until notified, and return whether that is within the time."""
        self._waiting += 1
        try:
            return super().wait(timeout)
        finally:
            self._waiting -= 1

    def notify_all(self) -> None:
        """Wake all threads that wait now, the last of them a little later."""
        self.notify(AT_ONCE)
        self._left = max(self._left, self._waiting - AT_ONCE)
        if self._left > 0 and not self._wakes:
            self._wakes = True
            green.spawn(self._wake_others)

    def _wake_others(self) -> None:
        while self._wakes:
            green.sleep(0)  # those that have been woken run first
            with self:
                self.notify(AT_ONCE)
                self._left -= AT_ONCE
                self._wakes = self._left > 0
