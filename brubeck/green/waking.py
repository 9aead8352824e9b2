"""Waking thousands of threads that wait for one thing, and letting others run between them.

`Condition.notify_all` makes all of them ready at once: they run one behind the other, and nobody
else until each has done what it waited for. And `Semaphore` lets a newcomer have the place for
which another one has just been woken, who then waits again, behind all others.
"""

from __future__ import annotations

import threading
from collections import deque
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


class FairSemaphore:
    """A number of places, given to those that wait for one in their order; no newcomer overtakes.

    >>> places = FairSemaphore(1)
    >>> places.acquire(), places.acquire(timeout=0)
    (True, False)
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._lock = green.Lock()
        self._waiting: deque[Any] = deque()  # the locks of those that wait, each of them locked

    def acquire(self, timeout: float | None = None) -> bool:
        """Take a place, and return whether one was free within the time (seconds)."""
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return True
            if timeout is not None and timeout <= 0:
                return False
            mine = green.Lock()
            mine.acquire()
            self._waiting.append(mine)
        try:
            given: bool = mine.acquire(timeout=-1 if timeout is None else timeout)
        except BaseException:  # interrupted: the place is for somebody else
            if not self._withdraw(mine):
                self.release()
            raise
        return given or not self._withdraw(mine)

    def _withdraw(self, mine: Any) -> bool:
        """Wait no longer; return False where the place has been given meanwhile."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return True
        return False

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    def release(self) -> None:
        """Give a place to the one that has waited longest, if there is one."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
