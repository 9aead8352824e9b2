"""Waking the readers of a stream, however many of them wait.

A notice is only a reason to look: what a reader learns it reads from the storage. So a notice that
is lost delays, for a `LookOut` also looks by itself every so often while somebody waits.
"""

from __future__ import annotations

import time

from brubeck import green
from brubeck.green.waking import FairCondition
from brubeck.storage.errors import Unavailable
from brubeck.storage.lookout import LookOut
from brubeck.storage.records import Head


class HeadNotifier:
    """The last known head of a stream in this process, and the readers that wait for more."""

    def __init__(self, name: str, look_out: LookOut) -> None:
        self.name = name
        self._look_out = look_out
        self._position = 0
        self._era = ""
        self._eras = 0  # how many have started since we look
        self._changed = FairCondition(green.Lock())
        self._waiting = 0
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
                if not self._closed:
                    self._look_out.watch(self)
                while self._position <= after and self._eras == eras:
                    if self._closed:
                        raise Unavailable("The storage is closed.")
                    left = until - time.monotonic()
                    if left <= 0 or not self._changed.wait(left):
                        return self._position > after
            finally:
                self._waiting -= 1
        return True

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for news of the stream."""
        return self._waiting > 0 and not self._closed

    def take(self, head: Head) -> None:
        """Take the head that a look has found."""
        if head.era == self._era and head.position <= self._position:
            return  # as nearly always: no lock for nothing
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
