"""Waking the readers of a stream: one look-out a process, however many of them wait.

A notice is only a reason to look: what a reader learns it reads from the storage. So a notice that
is lost delays, for the look-out also looks by itself every so often while somebody waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from brubeck import green
from brubeck.green.waking import FairCondition
from brubeck.storage.errors import StorageError, Unavailable
from brubeck.storage.records import Head


class HeadNotifier:
    """The last known head of a stream in this process, and the readers that wait for more."""

    def __init__(self, look: Callable[[], Head], every: float) -> None:
        self._look = look
        self._every = every
        self._position = 0
        self._era = ""
        self._eras = 0  # how many have started since we look
        self._changed = FairCondition(green.Lock())
        self._waiting = 0
        self._looking = False
        self._closed = False

    def announce(self, position: int) -> None:
        """Say that the head has come to a position."""
        with self._changed:
            if position > self._position:
                self._position = position
                self._changed.notify_all()

    def wait(self, after: int, seconds: float) -> bool:
        """Wait until the head is past a position, and return whether it is within the time.

        The beginning of another era ends the wait, too: a position means nothing in it.
        """
        until = time.monotonic() + seconds
        with self._changed:
            eras = self._eras
            self._waiting += 1
            try:
                self._look_out()
                while self._position <= after and self._eras == eras:
                    if self._closed:
                        raise Unavailable("The storage is closed.")
                    left = until - time.monotonic()
                    if left <= 0 or not self._changed.wait(left):
                        return self._position > after
            finally:
                self._waiting -= 1
        return True

    def _look_out(self) -> None:
        if not self._looking and not self._closed:
            self._looking = True
            green.spawn(self._look_until_nobody_waits)

    def _look_until_nobody_waits(self) -> None:
        green.supervise(self._look_once, "Looking for news", every=self._every)

    def _look_once(self) -> bool:
        """Look, and return whether anybody still waits."""
        with self._changed:
            if not self._waiting or self._closed:
                self._looking = False
                return False
        with suppress(StorageError):  # a waiting reader gets it when it reads; the look-out goes on
            self._take(self._look())
        return True

    def _take(self, head: Head) -> None:
        with self._changed:
            if head.era != self._era:
                self._eras += bool(self._era)
                self._era, self._position = head.era, head.position
                self._changed.notify_all()
        self.announce(head.position)

    def close(self) -> None:
        """End every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
