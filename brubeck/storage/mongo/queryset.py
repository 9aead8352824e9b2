"""A stream in MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import pymongo
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from brubeck import green
from brubeck.storage.batching import ListBatches
from brubeck.storage.conditions import meets
from brubeck.storage.errors import Unavailable
from brubeck.storage.indexing import IndexedQueryset, IndexSet, encode_indexes
from brubeck.storage.mongo.documents import (
    LATE,
    OURS,
    POSITION,
    SHOWN,
    SIGHT,
    TOKEN,
    Document,
    read_past,
    record,
    selector,
    tombstone,
)
from brubeck.storage.mongo.indexes import (
    TIMELINE,
    builds,
    facet,
    indexes_of_every_stream,
    indexes_of_graves,
    indexes_of_sight,
    keys_between,
)
from brubeck.storage.mongo.purging import purge, read_horizon, read_last
from brubeck.storage.mongo.rows import SCAN, ChangesRows, PageRows
from brubeck.storage.mongo.settling import STREAMS, LostStream, Settler, Stream, read_stream
from brubeck.storage.mongo.writing import Writer
from brubeck.storage.news import News
from brubeck.storage.places import (
    check_place,
    no_changes,
    reached,
    since_birth,
    unborn_head,
    viewer_head,
)
from brubeck.storage.records import (
    Change,
    Changes,
    ChangesQuery,
    Count,
    Head,
    Outcome,
    Page,
    PageQuery,
    Place,
    Put,
    Record,
    Tombstone,
    Write,
    Written,
)
from brubeck.storage.schema import Schema
from brubeck.storage.sizes import bounded
from brubeck.storage.timeline import stretch

if TYPE_CHECKING:
    from brubeck.storage.mongo.storage import MongoStorage

T = TypeVar("T")
Session = ClientSession | None

POLL: Final = 0.25
"""Seconds after which a reader that waits looks by itself."""
PATIENCE: Final = 0.005
"""Seconds that a reader leaves a pending write to its writer, before it finishes the write."""
BUILD_SECONDS: Final = 2_000_000.0
"""Seconds that a build may take: the longest time that a command can name, 23 days.

With None in its place the driver would fall back to the timeout of the client.
"""
TOGETHER: Final = 1000
"""How many new items of several callers are written in one go."""


class MongoQueryset(IndexedQueryset):
    """One stream in MongoDB."""

    def __init__(self, storage: MongoStorage, name: str, schema: Schema) -> None:
        super().__init__(schema)
        self._storage = storage
        self._door = storage.door
        self._settler = Settler(name)
        self._kept = 0  # the head up to which everything is known to be durable
        self._creations = ListBatches(self._write, TOGETHER)
        self.name = name
        self.news = News(self.head, POLL)

    def _now(self) -> int:
        return self._storage.clock.micros()

    # Indexes.

    def _open(self) -> None:
        with self._door.database() as database:
            self._settler.begin(database)
            indexes = indexes_of_every_stream(sharded=self._door.sharded)
            self._settler.items(database).create_indexes(indexes)
            self._settler.tombstones(database).create_indexes(indexes_of_graves())

    def _stream(self, database: Database[Document], session: Session = None) -> Stream:
        return read_stream(database[STREAMS].find_one({"_id": self.name}, session=session))

    def _present(self, database: Database[Document], session: Session = None) -> Stream:
        """Return the stream as it is, also where its database has lost it."""
        stream = self._stream(database, session)
        if not stream.position:
            self._indexes, self._kept = None, 0
        return stream

    def _begin_again(self) -> None:
        self._indexes, self._kept = None, 0
        self._declared_indexes()

    def _is_empty(self) -> bool:
        with self._door.database() as database:
            return self._stream(database).position == 0

    def _read_indexes(self) -> IndexSet:
        with self._door.database() as database:
            return self._stream(database).indexes

    def _keep_indexes(self, old: IndexSet, new: IndexSet) -> bool:
        changed = {"version": new.version, "indexes": encode_indexes(new).decode()}
        same = {"_id": self.name, "version": old.version}
        with self._door.database() as database:
            return database[STREAMS].update_one(same, {"$set": changed}).matched_count == 1

    def _fill(self, indexes: IndexSet) -> None:
        """Have the server build the missing indexes; it goes on serving meanwhile.

        However long that takes: a build that a client gives up would start again, and never end.
        """
        with self._door.database() as database, pymongo.timeout(BUILD_SECONDS):
            for name in indexes.building:
                if name in indexes.equality:
                    self._settler.items(database).create_index(facet(name))
            if not set(indexes.building).isdisjoint(indexes.sight):
                self._build_sight(database, indexes)

    def progress(self) -> dict[str, float]:
        """Return the part of each unfinished index that its server has built."""
        with self._door.database() as database:
            built = builds(database, self._settler.items(database).name)
        return {name: built[name] for name in self.unfinished() if name in built}

    def _build_sight(self, database: Database[Document], indexes: IndexSet) -> None:
        """Store the viewers of each item; writers do so for the items that change meanwhile."""
        items, schema = self._settler.items(database), indexes.schema
        items.create_indexes(indexes_of_sight())
        for each in items.find(
            {SIGHT: {"$exists": False}}, {f"{OURS}.json": 1, POSITION: 1, f"{OURS}.former": 1}
        ):
            viewers = sorted(schema.viewers(schema.extract(each[OURS]["json"])))
            items.update_one(
                {"_id": each["_id"], POSITION: each[OURS].get("position")},
                {"$set": {SIGHT: viewers, LATE: viewers if each[OURS].get("former") else []}},
            )

    def _check_indexes(self, query: PageQuery | ChangesQuery, stream: Stream) -> None:
        """Refuse a query by an incomplete index; follow another process's declaration."""
        if stream.indexes.version != self._known_indexes().version:
            self._follow(stream.indexes)
        self._check_complete(query)

    def _tick(self, viewer: str | None) -> int:
        """Return the time, with a floor kept that allows a viewer to be shown it."""
        now = self._now()
        if viewer is not None:
            head = self.head()
            with self._door.database() as database:
                self._settler.raise_floor(database, head, now)
        return now

    def _viewer_head(
        self, database: Database[Document], session: Session, head: Head, viewer: str, now: int
    ) -> Head:
        """Return the head that a viewer is shown."""
        return viewer_head(head, read_horizon(database, self._settler, viewer, session), now)

    # Writing.

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself; see `Queryset.write`."""
        self._check_writes(writes)
        if all(isinstance(each, Put) and each.expected is None for each in writes):
            outcomes = self._creations.do(writes)
        else:
            outcomes = self._write(writes)
        last = max((each.position for each in outcomes if isinstance(each, Written)), default=0)
        self.news.announce(last)
        return outcomes

    def _write(self, writes: Sequence[Write]) -> list[Outcome]:
        while True:
            try:
                return self._twice(lambda: self._write_once(writes))
            except LostStream:
                self._begin_again()  # and write again: each write is known by its token

    def _write_once(self, writes: Sequence[Write]) -> list[Outcome]:
        indexes = self._declared_indexes()
        with self._door.database() as database:
            writer = Writer(database, self._settler, self._schema, indexes, self._now())
            return writer.write(writes)

    def _twice(self, action: Callable[[], T]) -> T:
        """Run an idempotent action again when its connection broke; not when time ran out."""
        try:
            return action()
        except Unavailable as reason:
            if not isinstance(reason.__cause__, AutoReconnect) or reason.__cause__.timeout:
                raise
            return action()

    def purge(self, until: int) -> int:
        """Forget the tombstones up to a position, and return how many."""
        with self._door.database() as database:
            if not self._stream(database).position:
                return 0
            return purge(database, self._settler, until, self._now())

    # Reading.

    def _finish(self, unsettled: list[Document], waited: set[str]) -> None:
        """Finish others' pending writes; new ones are left to their writers for a while."""
        tokens = {each[OURS]["pending"]["token"] for each in unsettled}
        if not tokens <= waited:
            waited |= tokens
            green.sleep(PATIENCE)
            return
        with self._door.database() as database:
            ids = [each["_id"] for each in unsettled]
            items = self._settler.items(database)
            still = list(items.find({"_id": {"$in": ids}, TOKEN: {"$exists": True}}))
            self._settler.settle(database, still, self._now())

    def get(self, ids: Sequence[str], viewer: str | None = None) -> list[Record | Tombstone | None]:
        """Return the entry of each id; see `Queryset.get`."""
        found: dict[str, Record | Tombstone] = {}
        with self._door.reading() as (database, session):
            found |= self._there(database, ids, viewer, session)
            missing = [each for each in ids if each not in found]
            if missing:
                graves = self._settler.graves(database, missing, session)
                found |= {
                    each: tombstone(grave)
                    for each, grave in graves.items()
                    if viewer is None or viewer in grave["sight"]
                }
            missing = [each for each in missing if each not in found]
            if missing:  # what has left its grave between the two reads is there again
                found |= self._there(database, missing, viewer, session)
        return [found.get(each) for each in ids]

    def _there(
        self, database: Database[Document], ids: Sequence[str], viewer: str | None, session: Session
    ) -> dict[str, Record | Tombstone]:
        """Return the records and tombstones of some ids from the items' own collection, by id."""
        found: dict[str, Record | Tombstone] = {}
        items = self._settler.items(database)
        for each in items.find({"_id": {"$in": list(ids)}}, SHOWN, session=session):
            if "position" not in each[OURS]:
                continue
            there = record(each)
            if self._schema.shows(there.body, viewer):
                dead = each[OURS].get("dead")
                found[there.id] = Tombstone(there.id, there.position) if dead else there
        return found

    def page(self, query: PageQuery) -> Page:
        """Take a step along the timeline; see `Queryset.page`."""
        now = self._tick(query.viewer)
        with self._door.reading() as (database, session):
            stream = self._present(database, session)
            if not stream.position:
                return Page([], None, unborn_head(query.viewer, now))
            self._check_indexes(query, stream)
            head = stream.head
            if query.viewer is not None:
                head = self._viewer_head(database, session, head, query.viewer, now)
            items, indexes = self._settler.items(database), self._known_indexes()
            rows = PageRows(items, session, query, indexes)
            dead = [each["_id"] for each in rows.found if each[OURS].get("dead")]
            if dead or any("pending" in each[OURS] for each in rows.found):
                # What was pending then may belong before the head, what is pending now cannot.
                self._settle_pending(items, session)
                with self._door.database() as another:
                    self._settler.bury(another, dead)
                rows = PageRows(items, session, query, indexes)
        found, stopped = rows.found, rows.stopped
        records = [record(each) for each in found[: query.limit] if self._shows(each, query)]
        if len(found) > query.limit:
            last = found[query.limit - 1]
            stopped = Place(int(last["created_at"]), last["_id"])
        return bounded(Page(records, stopped, head))

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

    def changes(self, query: ChangesQuery) -> Changes:
        """Take a step along the change order; see `Queryset.changes`."""
        time, viewer = self._tick(query.viewer), query.viewer
        with self._door.reading() as (database, session):
            # First the head, then whatever is pending; only then what stands up to that head.
            stream = self._present(database, session)
            if not stream.position:
                return no_changes(query, time)
            query = since_birth(query)
            if max(query.after or 0, query.began) > max(stream.position, stream.floor):
                # A new primary learns only by a write how far the old one had come.
                self._confirm(database, session)
                stream = self._stream(database, session)
            self._check_indexes(query, stream)
            noted = stream.head
            self._settle_pending(self._settler.items(database), session)
            limit = max(SCAN, query.limit) if query.where else query.limit
            reader = ChangesRows(self._settler, database, session, query, noted.position, limit)
            rows = reader.read()
            now = self._stream(database, session).head
            noted = msgspec.structs.replace(noted, era=now.era, horizon=now.horizon)
            if viewer is None:
                check_place(query, now, lambda: now.position)
            else:
                noted = self._viewer_head(database, session, noted, viewer, time)
                check_place(query, noted, partial(read_last, database, self._settler, viewer))
            if noted.position > self._kept and not self._door.replicated:
                # A server alone shows what is not in its journal yet, and might forget it.
                self._confirm(database, session)
                self._kept = noted.position
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

    def _confirm(self, database: Database[Document], session: Session) -> None:
        """Wait until all that has been read here is as durable as a write, which this is."""
        nothing = {"$unset": {"nothing": ""}}
        database[STREAMS].update_one({"_id": self.name}, nothing, session=session)

    def _settle_pending(self, items: Any, session: Session) -> None:
        """Finish all writes that are pending now; later ones get a position past today's head."""
        pending = items.find({TOKEN: {"$exists": True}}, {TOKEN: 1}, session=session)
        tokens = {each[OURS]["pending"]["token"] for each in pending.hint("pending")}
        waited: set[str] = set()
        while tokens:
            left = list(items.find({TOKEN: {"$in": sorted(tokens)}}, {TOKEN: 1}, session=session))
            if not left:
                return
            self._finish(left, waited)

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
        past = read_past(row if ours is None else ours)
        return gone if past.may_have_met(where, values, viewer) else None

    def head(self) -> Head:
        """Return where the change order ends now."""
        with self._door.reading() as (database, session):
            return self._present(database, session).head

    def wait(self, after: int, seconds: float) -> bool:
        """Wait for news: from the server's stream of changes, or by looking now and then."""
        self._storage.listener.hear(self.name, self.news)
        return self.news.wait(after, seconds)

    def count(self, query: PageQuery) -> Count:
        """Count the items of a walk; see `Queryset.count`."""
        low, high = stretch(query)
        if low >= high:
            return Count(0, exact=True)
        with self._door.reading() as (database, session):
            stream = self._present(database, session)
            if not stream.position:
                return Count(0, exact=True)
            self._check_indexes(query, stream)
            items = self._settler.items(database)
            sight = {} if query.viewer is None else {SIGHT: query.viewer}
            some: list[Document] = [
                {"$match": sight | keys_between(low, high)},
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
