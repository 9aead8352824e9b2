"""A stream in a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from brubeck.storage.change_cursor import (
    CHANGES_PER_STEP,
    check_cursor,
    next_floor,
    no_changes,
    reached,
    since_birth,
    unborn_head,
    viewer_head,
)
from brubeck.storage.conditions import meets
from brubeck.storage.indexing import IndexedRecordStream, IndexSet
from brubeck.storage.lookout import LookOut
from brubeck.storage.records import (
    Change,
    Changes,
    ChangesQuery,
    Count,
    Head,
    Outcome,
    Page,
    PageQuery,
    Put,
    Record,
    TimelineCursor,
    Tombstone,
    Write,
)
from brubeck.storage.schema import RecordSchema
from brubeck.storage.sizes import STEP_BYTES, bounded
from brubeck.storage.sqlite.database import Database
from brubeck.storage.sqlite.purging import (
    ROWS_AT_ONCE,
    forget,
    forget_departures,
    forget_horizons,
    raise_floor,
    raise_horizon,
)
from brubeck.storage.sqlite.rows import (
    BETWEEN,
    ITEM_COLUMNS,
    ChangeRow,
    ItemRow,
    bounds,
    concerning,
    entry,
    facet_rows,
    merged_rows,
    record_of,
    rows_within_bounds,
    timeline_rows,
)
from brubeck.storage.sqlite.streams import (
    SIGHT,
    StreamRow,
    build_some,
    keep_indexes,
    note_progress,
    open_stream,
    read_history,
    read_horizon,
    read_indexes,
    read_last,
    read_progress,
    read_row,
)
from brubeck.storage.sqlite.writing import Writer
from brubeck.timekeeping import Clock

MERGED: Final = 16
"""How many orders of a field's values are merged, where a condition takes one of several."""


class SQLiteRecordStream(IndexedRecordStream):
    """One stream of a file."""

    def __init__(
        self,
        database: Database,
        look_out: LookOut,
        clock: Clock,
        name: str,
        schema: RecordSchema,
    ) -> None:
        super().__init__(name, schema, look_out)
        self._database = database
        self._clock = clock
        self._name = name
        self._number: int | None = None
        self._life = 0

    # Opening.

    def _born(self) -> int | None:
        """Return the stream's number in the file, or None before the first write."""
        if self._life != self._database.lives:
            self._indexes = None  # of a file that is gone
        return None if self._indexes is None and self._is_empty() else self._stream()

    def _stream(self) -> int:
        """Return the stream's number in the file, which it is given if it has none."""
        if self._life != self._database.lives:
            self._indexes = None  # of a file that is gone
        self._declared_indexes()
        assert self._number is not None  # noqa: S101, the indexes are known once the stream is open
        return self._number

    def _open(self) -> None:
        name, self._life = self._name, self._database.lives
        self._number = self._database.write(lambda db: open_stream(db, name))

    def unfinished(self) -> tuple[str, ...]:
        """Return the fields with an incomplete index; a missing file is not created."""
        return super().unfinished() if Path(self._database.path).exists() else ()

    def _is_empty(self) -> bool:
        with self._database.reading() as db:
            return read_indexes(db, self._name)[1] == 0

    def _read_indexes(self) -> IndexSet:
        with self._database.reading() as db:
            return read_indexes(db, self._name)[0]

    def _keep_indexes(self, old: IndexSet, new: IndexSet) -> bool:
        return self._database.write(partial(keep_indexes, name=self._name, old=old, new=new))

    def _fill(self, indexes: IndexSet) -> None:
        stream = self._number
        assert stream is not None  # noqa: S101, a stream is opened before its indexes are built
        after: int | None = 0
        while after is not None:
            step = partial(
                build_some, stream=stream, indexes=indexes, after=after, count=ROWS_AT_ONCE
            )
            after = self._database.write(step)
            self._database.write(partial(note_progress, stream=stream, number=after))

    def progress(self) -> dict[str, float]:
        """Return the part of each unfinished index that is built; all are built in one walk."""
        unfinished, part = self.unfinished(), None
        if unfinished:
            with self._database.reading() as db:
                part = read_progress(db, self._name)
        return {} if part is None else dict.fromkeys(unfinished, part)

    def _row(self, db: sqlite3.Connection, stream: int) -> StreamRow:
        """Return the state of the stream; indexes of another process are followed."""
        row = read_row(db, stream)
        if row.version != self._known_indexes().version:
            self._follow(row.indexes(db))
        return row

    # Writing.

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself, all in one transaction; see `RecordStream.write`."""
        self._stream()  # which notices a file that is gone
        return super().write(writes)

    def _write(self, writes: Sequence[Write]) -> list[Outcome]:
        stream, clock = self._stream(), self._clock
        while True:
            indexes = self._declared_indexes()
            values = [
                indexes.schema.extract(write.body) if isinstance(write, Put) else {}
                for write in writes
            ]
            writer = Writer(stream, indexes, clock.micros())
            outcomes = self._database.write(partial(writer.write, writes=writes, values=values))
            if outcomes is not None:
                return outcomes
            # The set of indexes has changed since: take the present one, and try again.
            with self._database.reading() as db:
                self._row(db, stream)

    def purge(self, until: int) -> int:
        """Forget the tombstones up to a position, and return how many."""
        stream = self._born()
        if stream is None:
            return 0
        self._database.write(partial(raise_horizon, stream=stream, until=until))
        self._forget(partial(forget_departures, stream=stream, until=until))
        self._forget(partial(forget_horizons, stream=stream, now=self._clock.micros()))
        return self._forget(partial(forget, stream=stream, until=until))

    def _forget(self, some: Callable[[sqlite3.Connection], int]) -> int:
        """Delete rows in transactions of a few: all writes to the file wait for each of them."""
        deleted, count = 0, ROWS_AT_ONCE
        while count == ROWS_AT_ONCE:
            count = self._database.write(some)
            deleted += count
        return deleted

    # Reading.

    def get(self, ids: Sequence[str], viewer: str | None = None) -> list[Record | Tombstone | None]:
        """Return the entry of each id; see `RecordStream.get`."""
        stream = self._born()
        if stream is None:
            return [None for _ in ids]
        marks = ",".join("?" * len(ids))
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {ITEM_COLUMNS}, past FROM items WHERE stream = ? AND id IN ({marks})",  # noqa: S608, no value is in it
                (stream, *ids),
            )
            found = {row[0].decode(): entry(row[:5]) for row in rows if self._shows(row, viewer)}
        return [found.get(each) for each in ids]

    def _shows(
        self, row: tuple[bytes, int, int, bytes | None, int, bytes], viewer: str | None
    ) -> bool:
        """Return whether a viewer may see an item, or could when it was deleted."""
        body, past = row[3], row[5]
        if body is None and viewer is not None:
            return viewer in read_history(past).viewers
        return body is None or self._schema.shows(body, viewer)

    def page(self, query: PageQuery) -> Page:
        """Take a step along the timeline; see `RecordStream.page`."""
        stream = self._born()
        if stream is None:
            return Page([], None, unborn_head(query.viewer, self._clock.micros()))
        now = self._tick(stream, query.viewer)
        with self._database.snapshot() as db:
            row = self._row(db, stream)
            if query.viewer is not None:
                head = viewer_head(row.head, read_horizon(db, stream, query.viewer), now)
                return self._filtered(db, stream, query, head)
            if query.where:
                return self._filtered(db, stream, query, row.head)
            rows = rows_within_bounds(timeline_rows(db, stream, query, query.limit + 1))
        more = len(rows) > query.limit
        records = [record_of(each) for each in rows[: query.limit]]
        last = TimelineCursor(records[-1].created_at, records[-1].id) if more else None
        return bounded(Page(records, last, row.head))

    def _filtered(self, db: sqlite3.Connection, stream: int, query: PageQuery, head: Head) -> Page:
        """Take a step that looks at each candidate, and at no more than a number of them."""
        self._check_complete(query)
        extract = self._known_indexes().schema.extract
        scan = max(CHANGES_PER_STEP, query.limit)
        records: list[Record] = []
        last: TimelineCursor | None = None
        size = 0
        for looked, row in enumerate(self._candidates(db, stream, query, scan + 1)):
            if len(records) == query.limit or looked == scan or size >= STEP_BYTES:
                return Page(records, last, head)
            record = record_of(row)
            last = TimelineCursor(record.created_at, record.id)
            size += len(record.body)
            if meets(query.where, extract(record.body)):
                records.append(record)
        return Page(records, None, head)

    def _tick(self, stream: int, viewer: str | None) -> int:
        """Return the time, with a floor kept that allows a viewer to be shown it."""
        now = self._clock.micros()
        if viewer is not None:
            with self._database.reading() as db:
                head = self._row(db, stream).head
            if next_floor(head, now) != head.floor:
                self._database.write(partial(raise_floor, stream=stream, now=now))
        return now

    def _candidates(
        self, db: sqlite3.Connection, stream: int, query: PageQuery, most: int
    ) -> Iterator[ItemRow]:
        """Yield the rows among which a query's items are, in its direction, each once."""
        if query.viewer is not None:
            return facet_rows(db, stream, SIGHT, query.viewer, query, most)
        lead = self._known_indexes().lead(query.where, MERGED)
        if lead is None:
            return iter(timeline_rows(db, stream, query, most))
        orders = [
            facet_rows(db, stream, lead.name, value, query, most)
            for value in dict.fromkeys(lead.values)
        ]
        return merged_rows(orders, descending=query.descending)

    def _step(self, query: ChangesQuery) -> Changes:
        stream = self._born()
        if stream is None:
            return no_changes(query, self._clock.micros())
        viewer = query.viewer
        now = self._tick(stream, viewer)
        with self._database.snapshot() as db:
            head = self._row(db, stream).head
            if head.position:
                query = since_birth(query)
            if viewer is not None:
                head = viewer_head(head, read_horizon(db, stream, viewer), now)
            check_cursor(query, head, partial(read_last, db, stream, viewer))
            self._check_complete(query)
            position = query.after or 0
            scan = max(CHANGES_PER_STEP, query.limit) if query.where else query.limit
            found: list[Change] = []
            looked = size = 0
            for each in concerning(db, stream, viewer, position, scan):
                looked += 1
                size += len(each[3] or b"")
                position = each[2]
                change = self._change(each, query)
                if change is not None:
                    found.append(change)
                if len(found) == query.limit or size >= STEP_BYTES:
                    break
            ended = looked < scan and len(found) < query.limit and size < STEP_BYTES
        return reached(query, found, position, head, ended=ended)

    def _change(self, row: ChangeRow, query: ChangesQuery) -> Change | None:
        item_id, created_at, position, body, version, past, departed = row
        where = query.where
        gone = Change(position, item_id.decode(), None)
        if departed:
            return gone
        values = self._known_indexes().schema.extract(body) if body is not None and where else {}
        if body is not None and meets(where, values):
            record = Record(gone.id, created_at, position, body, version)
            return Change(position, gone.id, record)
        if where and not read_history(past).may_have_met(where, values, query.viewer):
            return None
        return gone

    def head(self) -> Head:
        """Return where the change order ends now."""
        stream = self._born()
        if stream is None:
            return unborn_head(None, 0)
        with self._database.reading() as db:
            return self._row(db, stream).head

    def count(self, query: PageQuery) -> Count:
        """Count the items of a walk; see `RecordStream.count`."""
        stream = self._born()
        if stream is None:
            return Count(0, exact=True)
        with self._database.snapshot() as db:
            self._row(db, stream)
            if not query.where and query.viewer is None:
                (looked,) = db.execute(
                    f"SELECT count(*) FROM (SELECT 1 FROM items INDEXED BY items_by_time"  # noqa: S608, no value is in it
                    f" WHERE stream = ? AND body IS NOT NULL AND {BETWEEN} LIMIT ?)",
                    (stream, *bounds(query), query.limit + 1),
                ).fetchone()
                return Count(min(looked, query.limit), exact=looked <= query.limit)
            self._check_complete(query)
            extract = self._known_indexes().schema.extract
            total = size = 0
            for looked, row in enumerate(self._candidates(db, stream, query, query.limit + 1)):
                if looked == query.limit or size >= STEP_BYTES:
                    return Count(total, exact=False)
                size += len(row[3])
                total += not query.where or meets(query.where, extract(row[3]))
        return Count(total, exact=True)
