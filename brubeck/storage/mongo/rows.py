"""The rows of a step: of the timeline, between two keys, and of the change order.

The change order lies in two collections: the items, and what is left of others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bson.int64 import Int64
from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from brubeck.storage.indexing import IndexSet
from brubeck.storage.mongo.combined import combined, look_up, stream_steps
from brubeck.storage.mongo.documents import (
    DEPARTED,
    OURS,
    POSITION,
    SHOWN,
    SIGHT,
    TOKEN,
    Document,
    selector,
)
from brubeck.storage.mongo.finalizing import STREAMS, Finalizer, Stream, read_stream
from brubeck.storage.mongo.indexes import (
    TIMELINE,
    Lead,
    between_keys,
    direction,
    facet,
    keys_between,
)
from brubeck.storage.records import ChangesQuery, FieldCondition, PageQuery, TimelineCursor
from brubeck.storage.sizes import STEP_BYTES
from brubeck.storage.timeline import Key, key_range

ROWS_PER_STEP: Final = 2000
"""How many entries one step looks at before it says where it stopped."""

Row = tuple[int, Document | str]
"""A position and the document there, or the id of an item that left the viewer's sight there."""


class PageRows:
    """One row more than a step of the timeline takes, or fewer and where looking stopped."""

    def __init__(self, finalizer: Finalizer, query: PageQuery, indexes: IndexSet) -> None:
        self._finalizer = finalizer
        self._query = query
        self._schema = indexes.schema
        self._indexes = indexes
        self._version = indexes.version
        self._stretch = key_range(query)
        self._lead, self._rest = self._find_lead()
        self.stopped: TimelineCursor | None = None
        """Where looking stopped before the stretch ended, if it did."""
        self.found: list[Document] = []

    @property
    def finalized(self) -> bool:
        """Whether every row is the item's own latest version, and not a deleted one."""
        return not any("pending" in each[OURS] or "dead" in each[OURS] for each in self.found)

    def read_with_head(self, database: Database[Document]) -> Stream | None:
        """Read the stream and then its rows, in one command; None where that has to be done apart.

        See `brubeck.storage.mongo.combined`. Whatever is to be finished before it is shown is
        apart, and so are conditions and viewers: a look-up cannot be told its index, and a server
        that chose the timeline would walk all of it for a value that is rare.
        """
        low, high = self._stretch
        if self._lead is not None or self._rest or low >= high:
            return None
        steps: list[Document] = [
            {"$match": keys_between(low, high)},
            {"$sort": dict(direction(descending=self._query.descending))},
            {"$limit": self._query.limit + 1},
            {"$project": SHOWN},
        ]
        reads = [look_up(self._finalizer.items(database).name, steps, "rows")]
        found = combined(database, self._finalizer.name, reads)
        if found is None or found["version"] != self._version:
            return None
        self._take(found["rows"])
        return read_stream(found) if self.finalized else None

    def read(self, database: Database[Document], session: ClientSession | None) -> None:
        """Read the rows."""
        items = self._finalizer.items(database)
        self.stopped = None
        low, high = self._stretch
        lead, rest = self._lead, self._rest
        if rest and low < high:
            low, high = self._bounded(items, session, low, high)
        if low >= high:
            self.found = []
            return
        meeting = selector(rest, self._schema) | ({} if lead is None else lead.query)
        rows = self._walk(items.find(meeting, SHOWN, session=session), lead, low, high)
        most = self._query.limit + 1
        self._take(rows.limit(most).batch_size(most))  # so that all come in one batch

    def _take(self, rows: Iterable[Document]) -> None:
        """Keep rows until they fill a step."""
        self.found, size = [], 0
        for each in rows:
            self.found.append(each)
            size += len(each[OURS].get("json", ""))
            if size >= STEP_BYTES:
                self.stopped = TimelineCursor(int(each["created_at"]), each["_id"])
                break

    def _walk(self, cursor: Any, lead: Lead | None, low: Key, high: Key) -> Any:
        """Let a cursor follow an index between two keys of it, in the query's direction."""
        cursor = cursor.hint(TIMELINE if lead is None else facet(lead.name))
        cursor = cursor.sort(direction(descending=self._query.descending))
        return between_keys(cursor, lead, low, high)

    def _find_lead(self) -> tuple[Lead | None, tuple[FieldCondition, ...]]:
        """Return the lead through a page, or None, and the remaining conditions."""
        where = self._query.where
        if self._query.viewer is not None:
            return Lead(SIGHT, self._query.viewer), where
        lead = self._indexes.lead(where, 1)
        if lead is None:
            return None, where
        single = FieldCondition(lead.name, "eq", lead.values[0])
        (condition,) = selector((single,), self._schema)["$and"]
        rest = tuple(each for each in where if each is not lead)
        return Lead(lead.name, condition[lead.name]["$eq"]), rest

    def _bounded(
        self, items: Any, session: ClientSession | None, low: Key, high: Key
    ) -> tuple[Key, Key]:
        """Return the part of a stretch that one step looks at, and note where that ends."""
        query, lead = self._query, self._lead
        shown = {"_id": 1, "created_at": 1}
        asked = {} if lead is None else lead.query
        keys = self._walk(items.find(asked, shown, session=session), lead, low, high)
        end = next(iter(keys.skip(max(ROWS_PER_STEP, query.limit) - 1).limit(1)), None)
        if end is None:
            return low, high
        key = (int(end["created_at"]), end["_id"])
        self.stopped = TimelineCursor(*key)
        return (key, high) if query.descending else (low, (key[0], f"{key[1]}\0"))


class ChangesRows:
    """The rows after a query's position: at most ``limit`` rows, in order."""

    def __init__(self, finalizer: Finalizer, query: ChangesQuery, limit: int) -> None:
        self._finalizer = finalizer
        self._query = query
        self._limit = limit
        self.filled = False
        """Whether there were as many bytes as a step takes, so that there may be more rows."""

    def read_with_heads(
        self, database: Database[Document], version: int
    ) -> tuple[list[Row], Stream, Stream] | None:
        """Read the rows between two looks at the stream, in one command.

        Return the rows up to the first look, and both; None where that has to be done apart: with
        a viewer, while anything is pending, and by another set of indexes than a version of it.
        See `brubeck.storage.mongo.combined`.
        """
        if self._query.viewer is not None:
            return None
        after = {"$gt": Int64(self._query.after or 0)}
        live: list[Document] = [
            {"$match": {POSITION: after}},
            {"$sort": {POSITION: 1}},
            {"$limit": self._limit},
            {"$project": self._shown()},
        ]
        dead: list[Document] = [
            {"$match": {"position": after}},
            {"$sort": {"position": 1}},
            {"$limit": self._limit},
        ]
        pending: list[Document] = [{"$match": {TOKEN: {"$exists": True}}}, {"$limit": 1}]
        items = self._finalizer.items(database).name
        reads = [
            look_up(items, [*pending, {"$project": {"_id": 1}}], "pending"),
            {"$match": {"pending": []}},
            # Items before tombstones: one that is archived in between is in both, not in none.
            look_up(items, live, "live"),
            look_up(self._finalizer.tombstones(database).name, dead, "dead"),
            look_up(STREAMS, stream_steps(self._finalizer.name), "now"),
        ]
        found = combined(database, self._finalizer.name, reads)
        if found is None or found["version"] != version or not found["now"]:
            return None
        noted = read_stream(found)
        there = self._live_rows(found["live"])
        rows = self._in_order(_dead_rows(found["dead"]) | there, there)
        rows = [(at, row) for at, row in rows if at <= noted.position]
        return rows, noted, read_stream(found["now"][0])

    def read(
        self, database: Database[Document], session: ClientSession | None, head: int
    ) -> list[Row]:
        """Return the rows up to a head; as many of each kind as may be needed, and maybe more."""
        viewer, between = self._query.viewer, {"$gt": Int64(self._query.after or 0)}
        between["$lte"] = Int64(head)
        items = self._finalizer.items(database)
        archived_tombstones = self._finalizer.tombstones(database)
        sight: Document = {} if viewer is None else {SIGHT: viewer}
        # Items before tombstones: one that is archived in between is in both, not in none.
        found = items.find({POSITION: between, **sight}, self._shown(), session=session)
        found = found.hint("position" if viewer is None else "sight_changes")
        live = dict(
            self._live_rows(
                found.sort(POSITION, ASCENDING).limit(self._limit).batch_size(self._limit)
            )
        )
        live_at = list(live)
        if viewer is not None:
            live |= self._departed(items, session, DEPARTED, between)
        sight = {} if viewer is None else {"sight": viewer}
        found = archived_tombstones.find({"position": between, **sight}, session=session)
        rows = (
            _dead_rows(found.sort("position", ASCENDING).limit(self._limit).batch_size(self._limit))
            | live
        )
        if viewer is not None:
            rows |= self._departed(archived_tombstones, session, "departed", between)
        return self._in_order(rows, live_at)

    def _shown(self) -> Document:
        return {"created_at": 1, OURS: 1} if self._query.where else SHOWN

    def _live_rows(self, found: Iterable[Document]) -> dict[int, Document | str]:
        """Return items by their positions, until they fill a step."""
        rows: dict[int, Document | str] = {}
        self.filled, size = False, 0
        for each in found:
            rows[int(each[OURS]["position"])] = each
            size += len(each[OURS].get("json", ""))
            if size >= STEP_BYTES:
                self.filled = True
                break
        return rows

    def _in_order(self, rows: dict[int, Document | str], live: Iterable[int]) -> list[Row]:
        """Return rows in order, no further than a full step of items came."""
        last = max(live) if self.filled else max(rows, default=0)
        return [(at, rows[at]) for at in sorted(rows) if at <= last]

    def _departed(
        self, collection: Any, session: ClientSession | None, path: str, between: Document
    ) -> dict[int, Document | str]:
        viewer = self._query.viewer
        steps = [
            {"$match": {path: {"$elemMatch": {"v": viewer, "p": between}}}},
            {"$project": {path: 1}},
            {"$unwind": f"${path}"},
            {"$match": {f"{path}.v": viewer, f"{path}.p": between}},
            {"$sort": {f"{path}.p": 1}},
            {"$limit": self._limit},
            {"$project": {"p": f"${path}.p"}},
        ]
        return {
            int(each["p"]): each["_id"] for each in collection.aggregate(steps, session=session)
        }


def _dead_rows(found: Iterable[Document]) -> dict[int, Document | str]:
    """Return tombstones by their positions."""
    return {int(each["position"]): each for each in found}
