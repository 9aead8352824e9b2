"""The rows of a step: of the timeline, between two keys, and of the change order.

The change order lies in two collections: the items, and what is left of others.
"""

from __future__ import annotations

from typing import Any, Final

from bson.int64 import Int64
from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from brubeck.storage.indexing import IndexSet
from brubeck.storage.mongo.documents import (
    DEPARTED,
    OURS,
    POSITION,
    SHOWN,
    SIGHT,
    Document,
    selector,
)
from brubeck.storage.mongo.indexes import TIMELINE, Lead, between_keys, direction, facet
from brubeck.storage.mongo.settling import Settler
from brubeck.storage.records import ChangesQuery, Condition, PageQuery, Place
from brubeck.storage.sizes import STEP_BYTES
from brubeck.storage.timeline import Key, stretch

SCAN: Final = 2000
"""How many entries one step looks at before it says where it stopped."""

Row = tuple[int, Document | str]
"""A position and the document there, or the id of an item that left the viewer's sight there."""


class PageRows:
    """One row more than a step of the timeline takes, or fewer and where looking stopped."""

    def __init__(
        self, items: Any, session: ClientSession | None, query: PageQuery, indexes: IndexSet
    ) -> None:
        self._items = items
        self._session = session
        self._query = query
        self._schema = indexes.schema
        self._equality = indexes.equality
        self.stopped: Place | None = None
        """Where looking stopped before the stretch ended, if it did."""
        self.found: list[Document] = self._read()

    def _read(self) -> list[Document]:
        query = self._query
        low, high = stretch(query)
        lead, rest = self._lead()
        if rest and low < high:
            low, high = self._bounded(lead, low, high)
        if low >= high:
            return []
        meeting = selector(rest, self._schema) | ({} if lead is None else lead.query)
        rows = self._walk(self._items.find(meeting, SHOWN, session=self._session), lead, low, high)
        found, size = [], 0
        for each in rows.limit(query.limit + 1):
            found.append(each)
            size += len(each[OURS].get("json", ""))
            if size >= STEP_BYTES:
                self.stopped = Place(int(each["created_at"]), each["_id"])
                break
        return found

    def _walk(self, cursor: Any, lead: Lead | None, low: Key, high: Key) -> Any:
        """Let a cursor follow an index between two keys of it, in the query's direction."""
        cursor = cursor.hint(TIMELINE if lead is None else facet(lead.name))
        cursor = cursor.sort(direction(descending=self._query.descending))
        return between_keys(cursor, lead, low, high)

    def _lead(self) -> tuple[Lead | None, tuple[Condition, ...]]:
        """Return the lead through a page, or None, and the remaining conditions."""
        where = self._query.where
        if self._query.viewer is not None:
            return Lead(SIGHT, self._query.viewer), where
        for number, each in enumerate(where):
            if each.operator == "eq" and each.name in self._equality:
                (condition,) = selector((each,), self._schema)["$and"]
                value = condition[each.name]["$eq"]
                return Lead(each.name, value), where[:number] + where[number + 1 :]
        return None, where

    def _bounded(self, lead: Lead | None, low: Key, high: Key) -> tuple[Key, Key]:
        """Return the part of a stretch that one step looks at, and note where that ends."""
        query = self._query
        shown = {"_id": 1, "created_at": 1}
        asked = {} if lead is None else lead.query
        keys = self._walk(self._items.find(asked, shown, session=self._session), lead, low, high)
        end = next(iter(keys.skip(max(SCAN, query.limit) - 1).limit(1)), None)
        if end is None:
            return low, high
        key = (int(end["created_at"]), end["_id"])
        self.stopped = Place(*key)
        return (key, high) if query.descending else (low, (key[0], f"{key[1]}\0"))


class ChangesRows:
    """The rows between a query's position and a head: at most ``limit`` rows, in order."""

    def __init__(
        self,
        settler: Settler,
        database: Database[Document],
        session: ClientSession | None,
        query: ChangesQuery,
        head: int,
        limit: int,
    ) -> None:
        self._items = settler.items(database)
        self._graves = settler.tombstones(database)
        self._session = session
        self._query = query
        self._between = {"$gt": Int64(query.after or 0), "$lte": Int64(head)}
        self._limit = limit
        self.filled = False
        """Whether there were as many bytes as a step takes, so that there may be more rows."""

    def read(self) -> list[Row]:
        """Return the rows; as many of each kind as may be needed, and so maybe some more."""
        viewer = self._query.viewer
        # The items before the graves: what is buried between the two reads is in both, not in none.
        live = dict(self._live(viewer))
        live_at = list(live)
        if viewer is not None:
            live |= dict(self._departed(self._items, DEPARTED, viewer))
        rows = dict(self._dead(viewer)) | live
        if viewer is not None:
            rows |= dict(self._departed(self._graves, "departed", viewer))
        if self.filled:
            last = max(live_at)
            rows = {at: row for at, row in rows.items() if at <= last}
        return sorted(rows.items(), key=lambda row: row[0])

    def _live(self, viewer: str | None) -> list[Row]:
        shown = {"created_at": 1, OURS: 1} if self._query.where else SHOWN
        where = {POSITION: self._between} | ({} if viewer is None else {SIGHT: viewer})
        found = self._items.find(where, shown, session=self._session)
        found = found.hint("position" if viewer is None else "sight_changes")
        found = found.sort(POSITION, ASCENDING).limit(self._limit)
        rows: list[Row] = []
        size = 0
        for each in found:
            rows.append((int(each[OURS]["position"]), each))
            size += len(each[OURS].get("json", ""))
            if size >= STEP_BYTES:
                self.filled = True
                break
        return rows

    def _dead(self, viewer: str | None) -> list[Row]:
        where = {"position": self._between} | ({} if viewer is None else {"sight": viewer})
        found = self._graves.find(where, session=self._session)
        found = found.sort("position", ASCENDING).limit(self._limit)
        return [(int(each["position"]), each) for each in found]

    def _departed(self, collection: Any, path: str, viewer: str) -> list[Row]:
        mine = {f"{path}.v": viewer, f"{path}.p": self._between}
        steps = [
            {"$match": {path: {"$elemMatch": {"v": viewer, "p": self._between}}}},
            {"$project": {path: 1}},
            {"$unwind": f"${path}"},
            {"$match": mine},
            {"$sort": {f"{path}.p": 1}},
            {"$limit": self._limit},
            {"$project": {"p": f"${path}.p"}},
        ]
        found = collection.aggregate(steps, session=self._session)
        return [(int(each["p"]), each["_id"]) for each in found]
