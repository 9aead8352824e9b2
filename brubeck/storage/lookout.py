"""Looking for the writes of other processes: one look-out a storage, for all its streams.

It looks at the heads of all the streams that somebody waits for, a hundred with a command, every
so often. Anybody may wait for any partition: a look-out for each would be a thread and a command of
each, and a process would do nothing else for ten thousand of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from brubeck import green
from brubeck.green.waking import FairSemaphore
from brubeck.storage.change_cursor import unborn_head
from brubeck.storage.errors import StorageError
from brubeck.storage.records import Head
from brubeck.storage.shared_steps import AT_ONCE

Look = Callable[[Sequence[str]], Mapping[str, Head]]
"""A look at the heads of some streams, by name; those to which nothing was written are left out."""

MOST: Final = 100
"""How many heads are looked at with a command: few enough that the collector of cyclic garbage
seldom meets what they are made of, and takes it for something that stays."""
_SHARE: Final = 9
"""How many times as long as a look takes, the next one waits for at least."""
_LONGEST: Final = 2.0
"""Seconds between two looks at the most, however long they take."""
_UNBORN: Final = unborn_head(None, 0)


class Waiting(Protocol):
    """A stream that somebody may wait for."""

    name: str

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits."""

    def take(self, head: Head) -> None:
        """Wake the readers that wait for this head."""


class LookOut:
    """The streams of a storage that somebody waits for, looked at ``every`` so many seconds.

    However many they are, the looks take a tenth of the time at the most, as long as each is over
    within a fifth of a second.
    """

    def __init__(self, look: Look, every: float) -> None:
        self._look = look
        self._every = every
        self._waiting: dict[str, Waiting] = {}
        self._changed = green.Lock()
        self._looking = False
        self.places = FairSemaphore(AT_ONCE)
        """The places of the followers that read at the same time (`SharedSteps`)."""

    def watch(self, stream: Waiting) -> None:
        """Look at a stream, too, for as long as somebody waits for it."""
        with self._changed:
            self._waiting[stream.name] = stream
            if not self._looking:
                self._looking = True
                green.spawn(self._look_until_nobody_waits)

    def _look_until_nobody_waits(self) -> None:
        green.supervise(self._look_once, "Looking for news", every=self._every)

    def _look_once(self) -> bool:
        """Look at all of them, and return whether anybody still waits."""
        with self._changed:
            self._waiting = {name: each for name, each in self._waiting.items() if each.is_awaited}
            streams = list(self._waiting.values())
            self._looking = bool(streams)
        began = time.monotonic()
        with suppress(StorageError):  # a waiting reader gets it when it reads; the look-out goes on
            for start in range(0, len(streams), MOST):
                self._look_at(streams[start : start + MOST])
            taken = time.monotonic() - began
            if (rest := min(_SHARE * taken, _LONGEST) - self._every) > 0:
                green.sleep(rest)
        return bool(streams)

    def _look_at(self, streams: Sequence[Waiting]) -> None:
        heads = self._look([each.name for each in streams])
        for each in streams:
            green.take_turn()
            each.take(heads.get(each.name, _UNBORN))
