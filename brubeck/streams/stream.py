"""`Stream`: a declared stream with what an application keeps of it from request to request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from brubeck import green
from brubeck.storage import Changes, ChangesQuery, Record, RecordStream, Storage
from brubeck.streams.cursors import ChangeCursor, parse_change_cursor
from brubeck.streams.documents import StreamedDocument
from brubeck.streams.retention import Swept, sweep
from brubeck.streams.spec import StreamSpec
from brubeck.streams.topics import Topics
from brubeck.timekeeping import Clock

PAGE: Final = 500
"""The number of items or changes that are read at a time."""
_WAIT: Final = 30.0
"""Seconds after which a reader that waits looks at its stream again."""
KEPT_PARTITIONS: Final = 1000
"""The maximal number of opened partitions that a stream keeps."""


class StreamChange(msgspec.Struct, frozen=True):
    """A change of an item: its cursor, the item's id, and its document, None once deleted.

    ``version`` counts the writes of this life of the item, from 1; it is 0 once deleted.
    """

    cursor: str
    id: str
    document: StreamedDocument | None
    version: int = 0


class Stream:
    """A stream of an application: its partitions in the storage, its kept pages, its open feeds."""

    def __init__(self, spec: StreamSpec, store: Callable[[], Storage], clock: Clock) -> None:
        self.spec = spec
        self.clock = clock
        self.page_plans: dict[Any, Any] = {}
        """The plans of pages by query string, path and viewer; see `Collection`."""
        self.topics = Topics()
        self.wrap: Callable[[RecordStream], RecordStream] = lambda records: records
        """Called with the records of each partition when they are opened, to wrap them."""
        self._store = store
        self._opened: dict[str, RecordStream] = {}

    @property
    def store(self) -> Storage:
        """The store that keeps the stream, opened at its first use."""
        return self._store()

    def records(self, partition: str = "") -> RecordStream:
        """Return the records of the stream, or of one partition of it, in its store.

        Raises `ValueError` for a partition that there cannot be.
        """
        self.spec.check_partition(partition)
        return self.opened(partition)

    def opened(self, partition: str) -> RecordStream:
        """Return the records of a partition of which the key is checked already, or is stored."""
        found = self._opened.get(partition)
        if found is None:
            # A storage gives all concurrent callers the same object; so the last one may be kept.
            name = self.spec.path.stream(partition)
            found = self.wrap(self.store.records(name, self.spec.schema))
            if len(self._opened) >= KEPT_PARTITIONS:
                self._opened.clear()  # there may be as many partitions as anybody can think of
            self._opened[partition] = found
        return found

    def partitions(self) -> list[str]:
        """Return the keys of the partitions; a stream without an argument has one, the empty."""
        path = self.spec.path
        if not path.partition:
            return [""]
        prefix = path.stream("")
        return [name.removeprefix(prefix) for name in self.store.streams(prefix)]

    def follow(
        self, after: str = "0", partition: str = "", *, wait: float | None = None
    ) -> Iterator[StreamChange]:
        """Yield the changes after a cursor, and wait for more; keep the cursor of the last one.

        ``after`` is a cursor of a change, or ``0`` for the beginning. The iterator ends when there
        was no change for ``wait`` seconds; None follows for ever. No change is passed over; of
        several changes of an item only the last may be left. Raises `LostCursor` where deletions
        after the cursor are kept no longer, `Unavailable`, and `ValueError` for what is no cursor,
        and for a partition that there cannot be.
        """
        cursor = parse_change_cursor(after)
        # Position 0 is the beginning: a reader there has seen nothing that could be purged.
        position = cursor.position if cursor.position or cursor.began else None
        query = ChangesQuery(limit=PAGE, after=position, era=cursor.era, began=cursor.began)
        while True:
            found = self.records(partition).changes(query)
            for change in found.changes:
                at = str(ChangeCursor(change.position, found.era, found.began))
                record = change.record
                if record is None:
                    yield StreamChange(at, change.id, None)
                else:
                    yield StreamChange(at, change.id, self._document(record), record.version)
            query = msgspec.structs.replace(
                query, after=found.position, era=found.era, began=found.began
            )
            if found.caught_up and not self._changes_within(wait, found, partition):
                return

    def _changes_within(self, wait: float | None, found: Changes, partition: str) -> bool:
        """Wait for a change after the last step; return whether there is one."""
        until = None if wait is None else time.monotonic() + wait
        while True:
            left = _WAIT if until is None else until - time.monotonic()
            if left <= 0:
                return False
            if self.records(partition).wait(found.head, min(left, _WAIT)):
                return True

    def _document(self, record: Record) -> StreamedDocument:
        return self.spec.model.decode_stored(record.body)

    def sweep(self) -> Swept:
        """Delete what the stream does not retain, in all its partitions; return how many left."""
        now = self.clock.micros()
        keys = green.fairly(self.partitions())
        each = [sweep(self.opened(key), self.spec.retention, now) for key in keys]
        return Swept(sum(one.items for one in each), sum(one.deletions for one in each))

    def close(self) -> None:
        """Forget opened partitions and kept pages; they are opened and made again when needed."""
        self._opened.clear()
        self.page_plans.clear()
