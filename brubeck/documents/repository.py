"""`Repository`: the records of one stream, for everything above the storage that changes them.

A write names the position of the record that it replaces. A refused one means that another writer's
happened in between; then the record is read and the write made again. So all writers together
always make progress, and one that is overtaken again and again ends with `Contended`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from brubeck import green
from brubeck.storage import (
    PageQuery,
    Record,
    RecordStream,
    Refused,
    StorageError,
    Tombstone,
    Write,
    Written,
)
from brubeck.storage.ids import is_id

RECORDS_AT_ONCE: Final = 500
"""The maximal number of records in one call of the storage."""
MAX_ATTEMPTS: Final = 1000
"""The number of attempts at a write that other writers overtake."""

Entry: TypeAlias = Record | Tombstone | None
"""A record, the tombstone of a deleted one, or None for an id without a history."""
W = TypeVar("W", bound=Write)
T = TypeVar("T")


class Contended(StorageError):
    """A record that other writers change faster than this one."""

    def __init__(self, item_id: str) -> None:
        super().__init__(f"The item {item_id} is being changed by other writers; retry.")


class Operation(ABC):
    """The change of one record; its token stays the same however often it is tried."""

    id: str

    @abstractmethod
    def write(self, found: Record | None) -> Write | None:
        """Return the write to try where a record, or none, was found; None for no write.

        Raises a `StorageError` for a change that is impossible.
        """

    @abstractmethod
    def finish(self, found: Record | None) -> None:
        """Note that the write for the found record has happened, or that there was none."""

    @abstractmethod
    def fail(self, reason: StorageError) -> None:
        """Note that the change was not made."""


class Changed(NamedTuple, Generic[W]):
    """A change that was made: its write, its outcome, and the entry that it replaced."""

    write: W
    outcome: Written
    found: Entry


class Repository:
    """The records of a stream, for a viewer if one is given. Any call may raise `Unavailable`."""

    def __init__(self, stream: RecordStream, viewer: str | None = None) -> None:
        self.stream = stream
        self.viewer = viewer

    def get(self, ids: Sequence[str]) -> dict[str, Record | Tombstone]:
        """Return the records and tombstones at some ids, by id; an id that is none has neither."""
        wanted = [each for each in dict.fromkeys(ids) if is_id(each)]
        found = (each for some in batches(wanted) for each in self.stream.get(some, self.viewer))
        return {each.id: each for each in found if each is not None}

    def find(self, item_id: str) -> Entry:
        """Return the record or the tombstone at an id, or None."""
        return self.stream.get([item_id], self.viewer)[0] if is_id(item_id) else None

    def walk(self, query: PageQuery | None = None) -> Iterator[Record]:
        """Yield the records of a query, page by page; all of them, the newest first, without one.

        Others may write meanwhile: a record that is there from the beginning to the end comes
        exactly once.
        """
        query = PageQuery(limit=RECORDS_AT_ONCE, viewer=self.viewer) if query is None else query
        while True:
            page = self.stream.page(query)
            yield from page.records
            if page.stopped is None:
                return
            query = msgspec.structs.replace(query, start=page.stopped)

    def change(
        self, item_id: str, propose: Callable[[Entry], W | None], attempts: int | None = None
    ) -> Changed[W] | None:
        """Write a proposed change of a record, proposed again when another writer came first.

        ``propose`` is given the record or the tombstone as it is; its write names the position that
        it expects. Returns the change that happened, or None where ``propose`` made none; what it
        raises is raised. Raises `Contended` after so many ``attempts``, by default
        `MAX_ATTEMPTS`.
        """
        for _ in range(MAX_ATTEMPTS if attempts is None else attempts):
            found = self.find(item_id)
            write = propose(found)
            if write is None:
                return None
            (outcome,) = self.stream.write([write])
            if isinstance(outcome, Written):
                return Changed(write, outcome, found)
        raise Contended(item_id)

    def apply(self, operations: Sequence[Operation], *, look: bool) -> None:
        """Do operations, each by itself; those on one id in their order.

        ``look`` is for those that probably find a record: to look first saves them a refusal.
        """
        for batch in batches(operations):
            for wave in _waves(batch):
                self._apply(wave, look=look)

    def _apply(self, operations: list[Operation], *, look: bool) -> None:
        """Do operations on different ids."""
        found = self.get([each.id for each in operations]) if look else {}
        for _ in range(MAX_ATTEMPTS):
            operations = self._try(operations, found)
            if not operations:
                return
            found = self.get([each.id for each in operations])
        for operation in operations:
            operation.fail(Contended(operation.id))

    def _try(
        self, operations: list[Operation], found: dict[str, Record | Tombstone]
    ) -> list[Operation]:
        """Try operations on the found records, and return those that came too late."""
        tried: list[tuple[Operation, Record | None, Write]] = []
        for operation in green.fairly(operations):
            entry = found.get(operation.id)
            record = entry if isinstance(entry, Record) else None
            try:
                write = operation.write(record)
            except StorageError as reason:
                operation.fail(reason)
                continue
            if write is None:
                operation.finish(None)
            else:
                tried.append((operation, record, write))
        outcomes = self.stream.write([write for *_, write in tried]) if tried else []
        late = []
        for (operation, record, _), outcome in green.fairly(zip(tried, outcomes, strict=True)):
            if isinstance(outcome, Refused):
                late.append(operation)
            else:
                operation.finish(record)
        return late


def batches(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield things in batches of a size that a storage accepts at once."""
    for start in range(0, len(things), RECORDS_AT_ONCE):
        yield things[start : start + RECORDS_AT_ONCE]


def _waves(operations: Iterable[Operation]) -> list[list[Operation]]:
    """Return operations in groups, to be done one group after the other: an id is once in each."""
    waves: list[list[Operation]] = []
    counts: dict[str, int] = {}
    for operation in operations:
        count = counts[operation.id] = counts.get(operation.id, 0) + 1
        if count > len(waves):
            waves.append([])
        waves[count - 1].append(operation)
    return waves
