"""The rows of the change order, which lie in two collections: items, and what is left of others."""

from __future__ import annotations

from typing import Any

from bson.int64 import Int64
from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from brubeck.storage.mongo.documents import DEPARTED, OURS, POSITION, SHOWN, SIGHT, Document
from brubeck.storage.mongo.settling import Settler
from brubeck.storage.records import ChangesQuery

Row = tuple[int, Document | str]
"""A position and the document there, or the id of an item that left the viewer's sight there."""


class Rows:
    """What stands between a query's place and a head: at most so many rows, in order."""

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

    def read(self) -> list[Row]:
        """Return the rows; as many of each kind as may be needed, and so maybe some more."""
        viewer = self._query.viewer
        rows = self._live(viewer) + self._dead(viewer)
        if viewer is not None:
            rows += self._departed(self._items, DEPARTED, viewer)
            rows += self._departed(self._graves, "departed", viewer)
        return sorted(rows, key=lambda row: row[0])

    def _live(self, viewer: str | None) -> list[Row]:
        shown = {"created_at": 1, OURS: 1} if self._query.where else SHOWN
        where = {POSITION: self._between} | ({} if viewer is None else {SIGHT: viewer})
        found = self._items.find(where, shown, session=self._session)
        found = found.hint("position" if viewer is None else "sight_changes")
        found = found.sort(POSITION, ASCENDING).limit(self._limit)
        return [(int(each[OURS]["position"]), each) for each in found]

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
