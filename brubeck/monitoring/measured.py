"""`MeasuredRecords`: the records of a stream, with the time of each operation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from brubeck.storage import (
    Changes,
    ChangesQuery,
    Count,
    Head,
    Outcome,
    Page,
    PageQuery,
    Record,
    RecordStream,
    Tombstone,
    Write,
)

Operation = Callable[[str], AbstractContextManager[None]]


class MeasuredRecords(RecordStream):
    """Measures what other records do, and else does nothing.

    ``operation`` returns the context that measures an operation of a name. ``lag`` is called with
    the seconds from a write to its arrival at a reader that waited for it.
    """

    def __init__(
        self, records: RecordStream, operation: Operation, lag: Callable[[float], object]
    ) -> None:
        self._records = records
        self._operation = operation
        self._lag = lag
        self._awaited = -1

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write, measured as ``write``."""
        with self._operation("write"):
            return self._records.write(writes)

    def get(self, ids: Sequence[str], viewer: str | None = None) -> list[Record | Tombstone | None]:
        """Return the entries of some ids, measured as ``get``."""
        with self._operation("get"):
            return self._records.get(ids, viewer)

    def page(self, query: PageQuery) -> Page:
        """Take a step along the timeline, measured as ``page``."""
        with self._operation("page"):
            return self._records.page(query)

    def page_unless(self, query: PageQuery, head: Head) -> Page | None:
        """Take a step unless nothing has changed, measured as ``page``."""
        with self._operation("page"):
            return self._records.page_unless(query, head)

    def changes(self, query: ChangesQuery) -> Changes:
        """Take a step along the change order, measured as ``changes``."""
        with self._operation("changes"):
            found = self._records.changes(query)
        if found.changes and query.after == self._awaited:
            self._awaited = -1
            # Positions are microseconds since the epoch, unless writes come faster than that.
            self._lag(max(time.time() - found.changes[0].position / 1e6, 0.0))
        return found

    def head(self) -> Head:
        """Return where the change order ends, measured as ``head``."""
        with self._operation("head"):
            return self._records.head()

    def wait(self, after: int, seconds: float) -> bool:
        """Wait for a change; that is no work."""
        self._awaited = after
        return self._records.wait(after, seconds)

    def count(self, query: PageQuery) -> Count:
        """Count, measured as ``count``."""
        with self._operation("count"):
            return self._records.count(query)

    def purge(self, until: int) -> int:
        """Forget tombstones, measured as ``purge``."""
        with self._operation("purge"):
            return self._records.purge(until)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)
