"""Purging of departed items and tombstones, a piece at a time, as far as the horizon allows.

A piece is small enough for the time that one command may take, whatever its items hold: each may
name hundreds of viewers.
"""

from __future__ import annotations

from typing import Any, Final

import pymongo
from bson.int64 import Int64
from pymongo.database import Database

from brubeck.storage.change_cursor import KEPT
from brubeck.storage.mongo.documents import DEPARTED, OURS, POSITION, SIGHT, TOMBSTONE, Document
from brubeck.storage.mongo.finalizing import STREAMS, Finalizer, read_stream
from brubeck.storage.mongo.horizons import forget_horizons, raise_horizons
from brubeck.storage.mongo.indexes import BUILD_SECONDS, departures

_PIECE: Final = 100
"""How many items with viewers are purged by one command; of others it is ten times as many."""


def purge(database: Database[Document], finalizer: Finalizer, until: int, now: int) -> int:
    """Forget the tombstones and departures up to a position; return how many tombstones."""
    mine = {"_id": finalizer.name}
    last = {"$min": ["$position", Int64(until)]}
    database[STREAMS].update_one(mine, [{"$set": {"horizon": {"$max": ["$horizon", last]}}}])
    stream = read_stream(database[STREAMS].find_one(mine))
    until = min(until, stream.horizon)
    _archive(database, finalizer, until)
    if not stream.indexes.schema.sight:
        return _forget(database, finalizer, until, 10 * _PIECE)
    _forget_departures(database, finalizer, until)
    purged = _forget(database, finalizer, until, _PIECE)
    forget_horizons(database, finalizer.name, now - KEPT)
    return purged


def _archive(database: Database[Document], finalizer: Finalizer, until: int) -> None:
    """Move the deleted items up to a position to the tombstones."""
    dead = {TOMBSTONE: True, POSITION: {"$lte": until}}
    while ids := _ids(finalizer.items(database).find(dead, {"_id": 1}).limit(_PIECE)):
        finalizer.archive(database, ids)


def _forget_departures(database: Database[Document], finalizer: Finalizer, until: int) -> None:
    """Remove the departures of live items up to a position, and raise their viewers' horizons."""
    items, up_to = finalizer.items(database), {"$lte": until}
    with pymongo.timeout(BUILD_SECONDS):
        items.create_indexes([departures()])
    while ids := _ids(items.find({f"{DEPARTED}.p": up_to}, {"_id": 1}).limit(_PIECE)):
        found = items.aggregate(
            [
                {"$match": {"_id": {"$in": ids}}},
                {"$unwind": f"${DEPARTED}"},
                {"$match": {f"{DEPARTED}.p": up_to}},
                {"$group": {"_id": f"${DEPARTED}.v", "last": {"$max": f"${DEPARTED}.p"}}},
            ]
        )
        raise_horizons(database, finalizer.name, ((each["_id"], each["last"]) for each in found))
        items.update_many({"_id": {"$in": ids}}, {"$pull": {DEPARTED: {"p": up_to}}})


def _forget(database: Database[Document], finalizer: Finalizer, until: int, piece: int) -> int:
    """Delete the tombstones up to a position, and raise the horizons of all that they concern."""
    tombstones, purged = finalizer.tombstones(database), 0
    old = tombstones.find({"position": {"$lte": until}}, {"_id": 1}).sort("position", 1)
    while ids := _ids(old.clone().limit(piece)):
        # Where an id has been deleted once more, its tombstone stands further on by now.
        some: Document = {"_id": {"$in": ids}, "position": {"$lte": until}}
        seen = {"$map": {"input": "$sight", "in": {"v": "$$this", "p": "$position"}}}
        concerned = {"$concatArrays": [{"$ifNull": [seen, []]}, {"$ifNull": ["$departed", []]}]}
        found = tombstones.aggregate(
            [
                {"$match": some},
                {"$project": {"concerned": concerned}},
                {"$unwind": "$concerned"},
                {"$group": {"_id": "$concerned.v", "last": {"$max": "$concerned.p"}}},
            ]
        )
        raise_horizons(database, finalizer.name, ((each["_id"], each["last"]) for each in found))
        purged += int(tombstones.delete_many(some).deleted_count)
    return purged


def _ids(found: Any) -> list[str]:
    return [each["_id"] for each in found]


def read_last(database: Database[Document], finalizer: Finalizer, viewer: str) -> int:
    """Return the position of the last change that concerns a viewer, or 0."""
    items, tombstones = finalizer.items(database), finalizer.tombstones(database)
    last = 0
    for each in items.find({SIGHT: viewer}, {POSITION: 1}).sort(POSITION, -1).limit(1):
        last = max(last, int(each[OURS].get("position", 0)))
    for each in tombstones.find({"sight": viewer}, {"position": 1}).sort("position", -1).limit(1):
        last = max(last, int(each["position"]))
    for collection, path in ((items, DEPARTED), (tombstones, "departed")):
        steps: list[Document] = [
            {"$match": {f"{path}.v": viewer}},
            {"$unwind": f"${path}"},
            {"$match": {f"{path}.v": viewer}},
            {"$group": {"_id": None, "last": {"$max": f"${path}.p"}}},
        ]
        for each in collection.aggregate(steps):
            last = max(last, int(each["last"]))
    return last
