"""Notices of writes and steps of the changes, shared by the followers of a stream in a process."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from brubeck.storage.contract import RecordStream
from brubeck.storage.lookout import LookOut
from brubeck.storage.notifier import HeadNotifier
from brubeck.storage.records import Changes, ChangesQuery, Outcome, Write, Written
from brubeck.storage.shared_steps import SharedSteps


class FollowedRecordStream(RecordStream):
    """A stream in a storage to which other processes write, too.

    The look-out of the storage looks for their writes while somebody waits; those of this process
    wake a follower at once.
    """

    def __init__(self, name: str, look_out: LookOut) -> None:
        self.notifier = HeadNotifier(name, look_out)
        self._steps = SharedSteps(self._step, look_out.places)

    @abstractmethod
    def _write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself, and return the outcome of each."""

    @abstractmethod
    def _step(self, query: ChangesQuery) -> Changes:
        """Take a step along the change order for one follower, or for several that share it."""

    def _hear(self) -> None:
        """Have the storage announce the writes of other processes, if it can."""
        return

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself, and wake followers; see `RecordStream.write`."""
        outcomes = self._write(writes)
        last = max((each.position for each in outcomes if isinstance(each, Written)), default=0)
        self.notifier.announce(last)
        return outcomes

    def changes(self, query: ChangesQuery) -> Changes:
        """Take a step along the change order; see `RecordStream.changes`."""
        return self._steps.step(query)

    def wait(self, after: int, seconds: float) -> bool:
        """Wait for a change; see `RecordStream.wait`."""
        self._hear()
        return self.notifier.wait(after, seconds)
