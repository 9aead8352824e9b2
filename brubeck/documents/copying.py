"""Copying a stream from one storage to another while it is written to.

The timeline is walked once, then the changes since are followed until there are no more. Each write
makes the copy's item what the original's is; one that happened before changes nothing, so an
interrupted copy is begun again and goes on where it differs. Ids, times and bodies are the same,
positions are the copy's own: a reader of the original starts over with the copy, by a 410.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar
from uuid import uuid4

import msgspec

from brubeck import green
from brubeck.documents.repository import Repository, batches
from brubeck.storage import (
    Change,
    ChangesQuery,
    Delete,
    Head,
    PageQuery,
    Put,
    Record,
    RecordStream,
    StorageError,
    Unavailable,
    Written,
)

T = TypeVar("T")

STEP: Final = 500
"""The number of items that are read at a time."""
MAX_ATTEMPTS: Final = 100
"""The number of attempts at one item of the copy, which nobody else should write to."""
_PAUSES: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds to wait while a storage is down, one pause after another; then the copy is given up."""


class Copied(msgspec.Struct):
    """The state of a copy: numbers of written items and changes, and of differences at the end."""

    items: int = 0
    changes: int = 0
    different: int = 0


class EraChanged(StorageError):
    """The original was restored, or lost writes, while it was copied."""


class Copier:
    """The copy of one stream. ``progress`` is called with the state after each step."""

    def __init__(
        self,
        original: RecordStream,
        copy: RecordStream,
        progress: Callable[[Copied], object] = lambda _state: None,
    ) -> None:
        self._original, self._copy, self._progress = original, copy, progress
        self.state = Copied()

    def run(self, more: Callable[[], bool] = lambda: False) -> Copied:
        """Copy everything, follow the changes while ``more`` says so, and compare both.

        Raises `EraChanged`, and `Unavailable` for a storage that stays down.
        """
        head = _patient(self._original.head)
        self._copy_items()
        self._remove_others()
        query = ChangesQuery(limit=STEP, after=head.position or None, era=_era(head))
        query = self._follow(query)
        while more():
            query = self._follow(query)
            if more():
                _patient(self._original.wait, query.after or 0, 0.5)
        self._compare(query)
        return self.state

    def _copy_items(self) -> None:
        query = PageQuery(limit=STEP, descending=False)
        while True:
            page = _patient(self._original.page, query)
            self._write(page.records)
            self.state.items += len(page.records)
            self._progress(self.state)
            if page.stopped is None:
                return
            query = msgspec.structs.replace(query, start=page.stopped)

    def _remove_others(self) -> None:
        """Delete items of the copy that the original does not have: of an earlier, broken copy."""
        for some in _steps(self._copy):
            known = _patient(self._original.get, [each.id for each in some])
            for record, entry in zip(some, known, strict=True):
                if not isinstance(entry, Record):
                    self._make_equal(record.id, None)

    def _follow(self, query: ChangesQuery) -> ChangesQuery:
        """Apply the changes up to the present, and return where to go on."""
        while True:
            found = _patient(self._original.changes, query)
            if query.era is not None and found.era != query.era:
                raise EraChanged("The original was restored while it was copied; begin again.")
            self._apply(found.changes)
            self.state.changes += len(found.changes)
            self._progress(self.state)
            query = msgspec.structs.replace(
                query, after=found.position or None, era=found.era, began=found.began
            )
            if found.caught_up:
                return query

    def _apply(self, changes: Iterable[Change]) -> None:
        changes = list(changes)
        for change in changes:
            if change.record is None:
                self._make_equal(change.id, None)
        self._write([each.record for each in changes if each.record is not None])

    def _write(self, records: Iterable[Record]) -> None:
        """Make items of the copy what they are; most of them are new, and written together."""
        for some in batches(list(records)):
            puts = [_put(each, None) for each in some]
            outcomes = _patient(self._copy.write, puts)
            for record, outcome in zip(some, outcomes, strict=True):
                if not isinstance(outcome, Written):
                    self._make_equal(record.id, record)

    def _make_equal(self, item_id: str, record: Record | None) -> None:
        """Make one item of the copy what it is, also where it is live, or had another life."""
        for _ in range(MAX_ATTEMPTS):
            (entry,) = _patient(self._copy.get, [item_id])
            found = entry if isinstance(entry, Record) else None
            if _same(found, record):
                return
            write: Put | Delete
            if found is not None and (record is None or found.created_at != record.created_at):
                write = Delete(id=item_id, token=uuid4().hex, expected=found.position)
            elif record is not None:
                write = _put(record, None if found is None else found.position)
            else:
                return
            _patient(self._copy.write, [write])
        raise Unavailable(f"the item {item_id} of the copy is being changed by others")

    def _compare(self, query: ChangesQuery) -> None:
        """Compare both item by item; what differs has changed meanwhile, or is counted."""
        suspects = {
            record.id
            for one, other in ((self._original, self._copy), (self._copy, self._original))
            for some in _steps(one)
            for record, entry in zip(
                some, _patient(other.get, [each.id for each in some]), strict=True
            )
            if not _same(entry if isinstance(entry, Record) else None, record)
        }
        self._follow(query)
        for some in batches(sorted(suspects)):
            ours = _patient(self._original.get, some)
            theirs = _patient(self._copy.get, some)
            for one, other in zip(ours, theirs, strict=True):
                live = one if isinstance(one, Record) else None
                copied = other if isinstance(other, Record) else None
                self.state.different += not _same(live, copied)


def _era(head: Head) -> str | None:
    return head.era if head.position else None


def _put(record: Record, expected: int | None) -> Put:
    return Put(
        id=record.id,
        created_at=record.created_at,
        body=record.body,
        token=uuid4().hex,
        expected=expected,
    )


def _same(one: Record | None, other: Record | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.id, one.created_at, one.body) == (other.id, other.created_at, other.body)


def _steps(records: RecordStream) -> Iterator[list[Record]]:
    """Yield the items of a stream, some at a time."""
    walk = Repository(records).walk(PageQuery(limit=STEP, descending=False))
    some: list[Record] = []
    for record in walk:
        some.append(record)
        if len(some) == STEP:
            yield some
            some = []
    if some:
        yield some


def _patient(call: Callable[..., T], *arguments: object) -> T:
    """Return the result of a call of a storage, which may be down for a while."""
    for pause in _PAUSES:
        try:
            return call(*arguments)
        except Unavailable:
            green.sleep(pause)
    return call(*arguments)
