"""Steps along the change order that the followers of a process take together.

A write wakes all of them, and each asks for what comes after its own place. Those that ask while a
step is being read share the next one, which begins when all of them have asked: so each sees what
was written before it asked, and a hundred followers cost a storage two steps, not a hundred. A
follower that asks alone reads as if there were no others.

Steps that differ, by a filter or a viewer, cannot be shared. Of those a few are read at the same
time: thousands that wake at one write would all stand before a page in the queue for a connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from brubeck import green
from brubeck.green.waking import FairSemaphore
from brubeck.storage.errors import StorageError, Unavailable
from brubeck.storage.records import UNBORN, Changes, ChangesQuery

Read = Callable[[ChangesQuery], Changes]

AT_ONCE: Final = 8
"""How many steps of a storage are read at the same time, far fewer than there are connections."""
_PATIENCE: Final = 5.0
"""Seconds after which a step is read all the same: a storage that does not answer keeps places."""


class _Follower:
    """A follower that asks for a step: its query, and the answer."""

    __slots__ = ("batch", "done", "error", "query", "step")

    def __init__(self, query: ChangesQuery) -> None:
        self.query = query
        self.done = False
        self.step: Changes | None = None
        """The answer; None where there is none in the step of the others."""
        self.error: StorageError | None = None
        self.batch: list[_Follower] = []
        """The followers that it reads for, itself among them."""


class SharedSteps:
    """The steps of one stream's followers in this process; the places are those of its storage."""

    def __init__(self, read: Read, places: FairSemaphore) -> None:
        self._read_now = read
        self._places = places
        self._waiting: dict[ChangesQuery, list[_Follower]] = {}
        """Of each group with a read under way, the followers that wait for its end."""
        self._changed = green.Condition(green.Lock())

    def step(self, query: ChangesQuery) -> Changes:
        """Take a step, with the others that ask at the same time; see `RecordStream.changes`."""
        group = _group_of(query)
        follower = _Follower(query)
        with self._changed:
            waiting = self._waiting.get(group)
            if waiting is None:
                self._waiting[group] = []
                follower.batch.append(follower)
            else:
                waiting.append(follower)
                self._wait(group, follower)
        if follower.batch:
            self._read_for(group, follower.batch)
        if follower.error is not None:
            raise follower.error
        return self._read(query) if follower.step is None else follower.step

    def _read(self, query: ChangesQuery) -> Changes:
        if not self._places.acquire(_PATIENCE):
            return self._read_now(query)
        try:
            return self._read_now(query)
        finally:
            self._places.release()

    def _wait(self, group: ChangesQuery, follower: _Follower) -> None:
        """Wait for an answer, or for the turn to read."""
        try:
            while not (follower.done or follower.batch):
                self._changed.wait()
        except BaseException:  # interrupted: others may not wait for this one
            if follower.batch:
                follower.batch.remove(follower)
                self._waiting[group] += follower.batch
                self._hand_over(group)
            elif follower in self._waiting.get(group, ()):  # else it is in the step that is read
                self._waiting[group].remove(follower)
            raise

    def _read_for(self, group: ChangesQuery, batch: list[_Follower]) -> None:
        """Read from the earliest place, and give each follower its part."""
        first = min(batch, key=lambda each: each.query.after or 0)
        failure = None
        try:
            step = self._read(first.query)
            for each in batch:
                each.step = step if each.query == first.query else _part(step, each.query)
        except Unavailable as reason:
            failure = reason
        except StorageError as reason:
            first.error = reason  # perhaps for its place alone: the others read for themselves
        finally:
            with self._changed:
                for each in batch:
                    each.done, each.error = True, each.error or failure
                self._hand_over(group, failure)

    def _hand_over(self, group: ChangesQuery, failure: Unavailable | None = None) -> None:
        """Let one of those that have waited for a read make the next one, for all of them.

        Those that have waited for a server that does not answer need not wait again.
        """
        batch, self._waiting[group] = self._waiting[group], []
        if failure is not None:
            for each in batch:
                each.done, each.error = True, failure
            batch = []
        if batch:
            batch[0].batch = batch
        else:
            del self._waiting[group]
        self._changed.notify_all()


def _group_of(query: ChangesQuery) -> ChangesQuery:
    """Return a query that is the same for all queries that one step can answer.

    Without a condition or a viewer what comes after a place is a part of what comes after an
    earlier one. With one it is not: what a reader may have seen before depends on its place.
    """
    shares = query.after is not None and not query.began and query.era != UNBORN
    if not shares or query.where or query.viewer is not None:
        return query
    return msgspec.structs.replace(query, after=0)


def _part(step: Changes, query: ChangesQuery) -> Changes | None:
    """Return the part of a step that lies after a later place; None where it ends before it."""
    after = query.after or 0
    if step.position < after or (step.position == after and not step.caught_up):
        return None
    changes = [each for each in step.changes if each.position > after]
    return msgspec.structs.replace(step, changes=changes)
