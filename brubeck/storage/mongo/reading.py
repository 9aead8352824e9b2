"""Reading a stream in MongoDB: items, pages, changes and counts.

A step along an order is one command (see `brubeck.storage.mongo.combined`), unless a write is found
half done: then its parts are read one by one, and the write is finished between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
from pymongo.client_session import ClientSession
from pymongo.database import Database

from brubeck import green
from brubeck.storage.change_cursor import (
    check_cursor,
    no_changes,
    reached,
    since_birth,
    unborn_head,
    viewer_head,
)
from brubeck.storage.conditions import meets
from brubeck.storage.indexing import IndexedRecordStream
from brubeck.storage.lookout import LookOut
from brubeck.storage.mongo.client import DatabaseClient
from brubeck.storage.mongo.documents import (
    OURS,
    SHOWN,
    SIGHT,
    TOKEN,
    Document,
    read_history,
    record,
    selector,
    tombstone,
)
from brubeck.storage.mongo.finalizing import STREAMS, Finalizer, Stream, read_stream
from brubeck.storage.mongo.horizons import read_horizon
from brubeck.storage.mongo.indexes import TIMELINE, facet, keys_between
from brubeck.storage.mongo.purging import read_last
from brubeck.storage.mongo.rows import ROWS_PER_STEP, ChangesRows, PageRows, Row
from brubeck.storage.records import (
    Change,
    Changes,
    ChangesQuery,
    Count,
    Head,
    Page,
    PageQuery,
    Record,
    TimelineCursor,
    Tombstone,
)
from brubeck.storage.schema import RecordSchema
from brubeck.storage.sizes import bounded
from brubeck.storage.timeline import key_range
from brubeck.timekeeping import Clock

Session = ClientSession | None

HELPED: Final = 20
"""How many pending writes of others a reader finishes before it looks which are left: it takes a
millisecond and more for each, and the writer of a long list a few for all of them."""
PENDING_WAIT_SECONDS: Final = 0.005
"""Seconds that a reader leaves a pending write to its writer, before it finishes the write."""


class ReadableRecordStream(IndexedRecordStream):
    """A stream's reading part; `brubeck.storage.mongo.record_stream` writes and builds indexes."""

    def __init__(
        self,
        server: DatabaseClient,
        look_out: LookOut,
        clock: Clock,
        name: str,
        schema: RecordSchema,
    ) -> None:
        super().__init__(name, schema, look_out)
        self._server = server
        self._clock = clock
        self._finalizer = Finalizer(name)
        self._kept = 0  # the head up to which everything is known to be durable
        self.name = name

    def _now(self) -> int:
        return self._clock.micros()

    def _stream(self, database: Database[Document], session: Session = None) -> Stream:
        return read_stream(database[STREAMS].find_one({"_id": self.name}, session=session))

    def _present(
        self,
        database: Database[Document],
        session: Session = None,
        viewer: str | None = None,
        now: int = 0,
    ) -> Stream:
        """Return the stream as it is, also where its database has lost it.

        For a viewer it has a floor that allows what the viewer is shown at a time.
        """
        stream = self._stream(database, session)
        if not stream.position:
            self._indexes, self._kept = None, 0
        elif viewer is not None and self._finalizer.raise_floor(database, stream.head, now):
            stream = self._stream(database, session)
        return stream

    def _check_indexes(self, query: PageQuery | ChangesQuery, stream: Stream) -> None:
        """Refuse a query by an incomplete index; follow another process's declaration."""
        if stream.indexes.version != self._known_indexes().version:
            self._follow(stream.indexes)
        self._check_complete(query)

    def _viewer_head(
        self, database: Database[Document], session: Session, head: Head, viewer: str, now: int
    ) -> Head:
        """Return the head that a viewer is shown."""
        return viewer_head(head, read_horizon(database, self.name, viewer, session), now)

    # Items.

    def get(self, ids: Sequence[str], viewer: str | None = None) -> list[Record | Tombstone | None]:
        """Return the entry of each id; see `RecordStream.get`."""
        found: dict[str, Record | Tombstone] = {}
        with self._server.reading() as (database, session):
            found |= self._there(database, ids, viewer, session)
            missing = [each for each in ids if each not in found]
            if missing:
                archived_tombstones = self._finalizer.archived_tombstones(
                    database, missing, session
                )
                found |= {
                    each: tombstone(tombstone_document)
                    for each, tombstone_document in archived_tombstones.items()
                    if viewer is None or viewer in tombstone_document["sight"]
                }
            missing = [each for each in missing if each not in found]
            if missing:  # what has left its tombstone between the two reads is there again
                found |= self._there(database, missing, viewer, session)
        return [found.get(each) for each in ids]

    def _there(
        self, database: Database[Document], ids: Sequence[str], viewer: str | None, session: Session
    ) -> dict[str, Record | Tombstone]:
        """Return the records and tombstones of some ids from the items' own collection, by id."""
        found: dict[str, Record | Tombstone] = {}
        items = self._finalizer.items(database)
        for each in items.find({"_id": {"$in": list(ids)}}, SHOWN, session=session):
            if "position" not in each[OURS]:
                continue
            there = record(each)
            if self._schema.shows(there.body, viewer):
                dead = each[OURS].get("dead")
                found[there.id] = Tombstone(there.id, there.position) if dead else there
        return found

    # Pages.

    def page(self, query: PageQuery) -> Page:
        """Take a step along the timeline; see `RecordStream.page`."""
        now = self._now()
        read = self._page_at_once(query) or self._page_apart(query, now)
        if read is None:
            return Page([], None, unborn_head(query.viewer, now))
        rows, head = read
        found, stopped = rows.found, rows.stopped
        records = [record(each) for each in found[: query.limit] if self._shows(each, query)]
        if len(found) > query.limit:
            last = found[query.limit - 1]
            stopped = TimelineCursor(int(last["created_at"]), last["_id"])
        return bounded(Page(records, stopped, head))

    def _page_at_once(self, query: PageQuery) -> tuple[PageRows, Head] | None:
        """Return the rows of a page and the head before them, by one command, if that will do."""
        indexes = self._indexes
        if indexes is None or indexes.building or self._server.sharded:
            return None
        rows = PageRows(self._finalizer, query, indexes)
        with self._server.committed() as database:
            stream = rows.read_with_head(database)
        return None if stream is None or not stream.position else (rows, stream.head)

    def _page_apart(self, query: PageQuery, now: int) -> tuple[PageRows, Head] | None:
        """Return the same by a command for each part; None where nothing was ever written."""
        with self._server.reading() as (database, session):
            stream = self._present(database, session, query.viewer, now)
            if not stream.position:
                return None
            self._check_indexes(query, stream)
            head = stream.head
            if query.viewer is not None:
                head = self._viewer_head(database, session, head, query.viewer, now)
            rows = PageRows(self._finalizer, query, self._known_indexes())
            rows.read(database, session)
            if not rows.finalized:
                # What was pending then may belong before the head, what is pending now cannot.
                self._finalize_pending(database, session)
                dead = [each["_id"] for each in rows.found if each[OURS].get("dead")]
                with self._server.database() as another:
                    self._finalizer.archive(another, dead)
                rows.read(database, session)
        return rows, head

    def _shows(self, found: Document, query: PageQuery) -> bool:
        """Return whether a document shows a record: the previous one while a write is pending."""
        ours = found[OURS]
        if "position" not in ours or ours.get("dead"):
            return False
        if "pending" not in ours or not (query.where or query.viewer):
            return True
        schema = self._known_indexes().schema
        values = schema.extract(record(found).body)
        seen = query.viewer is None or query.viewer in schema.viewers(values)
        return seen and meets(query.where, values)

    # Changes.

    def _step(self, query: ChangesQuery) -> Changes:
        time = self._now()
        limit = max(ROWS_PER_STEP, query.limit) if query.where else query.limit
        reader = ChangesRows(self._finalizer, since_birth(query), limit)
        read = self._changes_at_once(since_birth(query), reader)
        if read is None:
            read = self._changes_apart(query, reader, time)
        if read is None:
            return no_changes(query, time)
        rows, noted = read
        query = since_birth(query)
        found: list[Change] = []
        position = query.after or 0
        for position, row in rows[:limit]:
            change = self._change(position, row, query)
            if change is not None:
                found.append(change)
                if len(found) == query.limit:
                    break
        ended = len(rows) < limit and not reader.filled and len(found) < query.limit
        return reached(query, found, position, noted, ended=ended)

    def _changes_at_once(
        self, query: ChangesQuery, reader: ChangesRows
    ) -> tuple[list[Row], Head] | None:
        """Return the rows of a step and the head that they lead to, by one command, if it will do.

        A step that finds anything pending, or a place past the end, takes its parts one by one.
        """
        indexes = self._indexes
        if indexes is None or indexes.building or self._server.sharded:
            return None
        with self._server.committed() as database:
            read = reader.read_with_heads(database, indexes.version)
            if read is None:
                return None
            rows, noted, now = read
            if not noted.position or max(query.after or 0, query.began) > noted.end:
                return None
            check_cursor(query, now.head, lambda: now.position)
            self._keep(database, None, noted)
        return rows, msgspec.structs.replace(noted.head, era=now.era, horizon=now.horizon)

    def _changes_apart(
        self, query: ChangesQuery, reader: ChangesRows, time: int
    ) -> tuple[list[Row], Head] | None:
        """Return the same by a command for each part; None where nothing was ever written."""
        viewer = query.viewer
        with self._server.reading() as (database, session):
            # First the head, then whatever is pending; only then what stands up to that head.
            stream = self._present(database, session, viewer, time)
            query = since_birth(query)
            if max(query.after or 0, query.began) > stream.end:
                # A new primary learns only by a write how far the old one had come: until then it
                # may not even know that the stream was ever written to.
                self._confirm(database, session)
                stream = self._present(database, session, viewer, time)
            if not stream.position:
                return None
            self._check_indexes(query, stream)
            noted = stream.head
            self._finalize_pending(database, session)
            rows = reader.read(database, session, noted.position)
            now = self._stream(database, session).head
            noted = msgspec.structs.replace(noted, era=now.era, horizon=now.horizon)
            if viewer is None:
                check_cursor(query, now, lambda: now.position)
            else:
                noted = self._viewer_head(database, session, noted, viewer, time)
                check_cursor(query, noted, partial(read_last, database, self._finalizer, viewer))
            self._keep(database, session, stream)
        return rows, noted

    def _keep(self, database: Database[Document], session: Session, stream: Stream) -> None:
        """Make durable what is shown up to a head: a server alone might forget it."""
        if stream.position > self._kept and not self._server.replicated:
            self._confirm(database, session)
            self._kept = stream.position

    def _confirm(self, database: Database[Document], session: Session) -> None:
        """Wait until all that has been read here is as durable as a write, which this is."""
        nothing = {"$unset": {"nothing": ""}}
        database[STREAMS].update_one({"_id": self.name}, nothing, session=session)

    def _finalize_pending(self, database: Database[Document], session: Session) -> None:
        """Finish all writes that are pending now; later ones get a position past today's head."""
        items = self._finalizer.items(database)
        pending = items.find({TOKEN: {"$exists": True}}, {TOKEN: 1}, session=session)
        tokens = {each[OURS]["pending"]["token"] for each in pending.hint("pending")}
        waited: set[str] = set()
        while tokens:
            left = list(items.find({TOKEN: {"$in": sorted(tokens)}}, {TOKEN: 1}, session=session))
            if not left:
                return
            self._finish(left, waited)

    def _finish(self, pending_writes: list[Document], waited: set[str]) -> None:
        """Finish others' pending writes; new ones are left to their writers for a while."""
        tokens = {each[OURS]["pending"]["token"] for each in pending_writes}
        if not tokens <= waited:
            waited |= tokens
            green.sleep(PENDING_WAIT_SECONDS)
            return
        with self._server.database() as database:
            ids = [each["_id"] for each in pending_writes[:HELPED]]
            items = self._finalizer.items(database)
            still = list(items.find({"_id": {"$in": ids}, TOKEN: {"$exists": True}}))
            self._finalizer.finalize(database, still, self._now())

    def _change(self, position: int, row: Document | str, query: ChangesQuery) -> Change | None:
        if isinstance(row, str):
            return Change(position, row, None)  # it left the viewer's sight there
        ours = row.get(OURS)
        item = None if ours is None or ours.get("dead") else record(row)
        gone = Change(position, row["_id"], None)
        where, viewer = query.where, query.viewer
        if not where and (viewer is None or item is None):
            return gone if item is None else Change(position, item.id, item)
        schema = self._known_indexes().schema
        values = {} if item is None else schema.extract(item.body)
        if viewer is not None and item is not None and viewer not in schema.viewers(values):
            return None  # it is coming into sight, by a write that is still pending
        if item is not None and meets(where, values):
            return Change(position, item.id, item)
        past = read_history(row if ours is None else ours)
        return gone if past.may_have_met(where, values, viewer) else None

    def head(self) -> Head:
        """Return where the change order ends now."""
        with self._server.reading() as (database, session):
            return self._present(database, session).head

    def count(self, query: PageQuery) -> Count:
        """Count the items of a walk; see `RecordStream.count`."""
        low, high = key_range(query)
        if low >= high:
            return Count(0, exact=True)
        with self._server.reading() as (database, session):
            stream = self._present(database, session)
            if not stream.position:
                return Count(0, exact=True)
            self._check_indexes(query, stream)
            items = self._finalizer.items(database)
            sight: Document = {} if query.viewer is None else {SIGHT: query.viewer}
            some: list[Document] = [
                {"$match": keys_between(low, high, sight)},
                {"$sort": {"created_at": -1, "_id": -1}},
                {"$limit": query.limit + 1},
            ]
            counts: Document = {"looked": [{"$count": "n"}]}
            if query.where:
                counts["met"] = [{"$match": selector(query.where, self._schema)}, {"$count": "n"}]
            index = TIMELINE if query.viewer is None else facet(SIGHT)
            (found,) = items.aggregate(
                [*some, {"$facet": counts}], session=session, hint=dict(index)
            )
        looked = _counted(found["looked"])
        met = _counted(found["met"]) if query.where else looked
        return Count(min(met, query.limit), exact=looked <= query.limit)


def _counted(found: list[Document]) -> int:
    return int(found[0]["n"]) if found else 0
