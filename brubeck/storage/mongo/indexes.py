"""The indexes of a stream's collection, and reading between two keys of one."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from bson.datetime_ms import DatetimeMS
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

from brubeck.storage.mongo.documents import (
    DEPARTED,
    POSITION,
    SIGHT,
    TOKEN,
    TOMBSTONE,
    Document,
)
from brubeck.storage.timeline import Key

BUILD_SECONDS: Final = 2_000_000.0
"""Seconds that a build may take: the longest time that a command can name, 23 days.

With None in its place the driver would fall back to the timeout of the client.
"""
TIMELINE: Final = [("created_at", ASCENDING), ("_id", ASCENDING)]


class Lead(NamedTuple):
    """A field and its one value, with an order of the timeline that leads through a page."""

    name: str
    value: Any

    @property
    def query(self) -> Document:
        """The query that all on its way meet."""
        return {self.name: self.value}


def indexes_of_sight() -> list[IndexModel]:
    """Return the indexes for the orders of viewers."""
    return [
        IndexModel([(SIGHT, ASCENDING), *TIMELINE], name="sight_timeline"),
        IndexModel([(SIGHT, ASCENDING), (POSITION, ASCENDING)], name="sight_changes"),
        IndexModel([(f"{DEPARTED}.v", ASCENDING), (f"{DEPARTED}.p", ASCENDING)], name="departed"),
    ]


def departures() -> IndexModel:
    """Return the index by which items with old departures are found."""
    return IndexModel([(f"{DEPARTED}.p", ASCENDING)], name="departures", sparse=True)


def indexes_of_tombstones() -> list[IndexModel]:
    """Return the indexes of the tombstones for reading changes."""
    return [
        IndexModel([("position", ASCENDING)], name="position"),
        IndexModel([("sight", ASCENDING), ("position", ASCENDING)], name="sight_changes"),
        IndexModel([("departed.v", ASCENDING), ("departed.p", ASCENDING)], name="departed"),
    ]


def facet(name: str) -> list[tuple[str, int]]:
    """Return the index of a field: the timeline of each of its values."""
    return [(name, ASCENDING), *TIMELINE]


def builds(database: Database[Document], collection: str) -> dict[str, float]:
    """Return the part, 0 to 1, of each index under construction by its first field.

    Empty for a user that may not look at the operations of others.
    """
    pipeline: list[Document] = [
        {"$currentOp": {"allUsers": True, "idleConnections": True}},
        {"$match": {"ns": f"{database.name}.{collection}", "msg": {"$regex": "^Index Build"}}},
    ]
    try:
        found = list(database.client.admin.aggregate(pipeline))
    except OperationFailure:
        return {}
    parts: dict[str, float] = {}
    for each in found:
        progress = each.get("progress", {})
        part = progress.get("done", 0) / max(progress.get("total", 0), 1)
        for index in each.get("command", {}).get("indexes", ()):
            parts[next(iter(index["key"]))] = min(1.0, part)
    return parts


def indexes_of_every_stream(*, sharded: bool) -> list[IndexModel]:
    """Return the indexes for the orders of a stream and for the steps of a write.

    The index of positions is unique, since no two items are ever given one position. A sharded
    collection requires a unique index to start with the shard key, which it does not: there it is
    not unique.
    """
    return [
        IndexModel(TIMELINE, name="timeline"),
        IndexModel(
            [(POSITION, ASCENDING)],
            name="position",
            unique=not sharded,
            partialFilterExpression={POSITION: {"$exists": True}},
        ),
        IndexModel([(TOKEN, ASCENDING)], name="pending", sparse=True),
        IndexModel([(TOMBSTONE, ASCENDING)], name="dead", sparse=True),
    ]


def direction(*, descending: bool) -> list[tuple[str, int]]:
    """Return the order of a page.

    It does not name the field that leads: of a list, that would be its greatest member.
    """
    return [(name, DESCENDING if descending else ASCENDING) for name, _ in TIMELINE]


def between_keys(cursor: Any, lead: Lead | None, low: Key, high: Key) -> Any:
    """Bound a cursor by two keys of its index: the first is in it, the second is not."""
    before = [] if lead is None else [(lead.name, lead.value)]
    return cursor.min([*before, *_bound(low)]).max([*before, *_bound(high)])


def keys_between(low: Key, high: Key, also: Document | None = None) -> Document:
    """Return the query for items between two keys that meet ``also``, for any cursor.

    Each of its alternatives is one range of an index that ends with the timeline, so that a server
    merges them in order and looks at nothing outside.
    """
    also = also or {}
    first, last = DatetimeMS(low[0]), DatetimeMS(high[0])
    if low[0] == high[0]:
        return {**also, "created_at": first, "_id": {"$gte": low[1], "$lt": high[1]}}
    times = {"$gt" if low[1] else "$gte": first, "$lt": last}
    ranges: list[Document] = [{"created_at": times}]
    if low[1]:
        ranges.append({"created_at": first, "_id": {"$gte": low[1]}})
    if high[1]:
        ranges.append({"created_at": last, "_id": {"$lt": high[1]}})
    return {"$or": [{**also, **each} for each in ranges]}


def _bound(key: Key) -> list[tuple[str, Any]]:
    return [("created_at", DatetimeMS(key[0])), ("_id", key[1])]
