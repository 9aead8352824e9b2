"""Purging of departed items and tombstones, as far as the horizons allow.

Each viewer has a horizon of its own beside the stream's: the last position at which a change that
concerned it was purged. By it alone a viewer's cursor is lost, so that it learns nothing of the
purged changes of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from bson.int64 import Int64
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from brubeck.storage.change_cursor import KEPT
from brubeck.storage.mongo.documents import DEPARTED, OURS, POSITION, SIGHT, TOMBSTONE, Document
from brubeck.storage.mongo.finalizing import HORIZONS, STREAMS, Finalizer, read_stream

_BATCH: Final = 1000


def purge(database: Database[Document], finalizer: Finalizer, until: int, now: int) -> int:
    """Forget the tombstones and departures up to a position; return how many tombstones."""
    mine = {"_id": finalizer.name}
    last = {"$min": ["$position", Int64(until)]}
    database[STREAMS].update_one(mine, [{"$set": {"horizon": {"$max": ["$horizon", last]}}}])
    until = min(until, read_stream(database[STREAMS].find_one(mine)).horizon)
    items, tombstones = finalizer.items(database), finalizer.tombstones(database)
    dead = items.find({TOMBSTONE: True, POSITION: {"$lte": until}}, {"_id": 1})
    finalizer.archive(database, [each["_id"] for each in dead])
    raised = _raised(database, finalizer, until)
    while some := list(islice(raised, _BATCH)):
        database[HORIZONS].create_index([("_id.stream", 1), ("position", 1)], name="old")
        database[HORIZONS].bulk_write(some, ordered=False)
    old = {"_id.stream": finalizer.name, "position": {"$lt": Int64(now - KEPT)}}
    database[HORIZONS].delete_many(old)
    departed = {"$pull": {DEPARTED: {"p": {"$lte": until}}}}
    items.update_many({f"{DEPARTED}.p": {"$lte": until}}, departed)
    return int(tombstones.delete_many({"position": {"$lte": until}}).deleted_count)


def _raised(database: Database[Document], finalizer: Finalizer, until: int) -> Iterator[UpdateOne]:
    """Yield updates that raise the horizon of each viewer concerned by a purge up to a position."""
    items, tombstones = finalizer.items(database), finalizer.tombstones(database)
    up_to = {"$lte": until}
    departures = (
        (items, DEPARTED, {f"{DEPARTED}.p": up_to}),
        (tombstones, "departed", {"position": up_to}),
    )
    for collection, path, where in departures:
        steps: list[Document] = [
            {"$match": where},
            {"$unwind": f"${path}"},
            {"$match": {f"{path}.p": up_to}},
            {"$group": {"_id": f"${path}.v", "last": {"$max": f"${path}.p"}}},
        ]
        for each in collection.aggregate(steps):
            yield _raise(finalizer, each)
    steps = [
        {"$match": {"position": up_to}},
        {"$unwind": "$sight"},
        {"$group": {"_id": "$sight", "last": {"$max": "$position"}}},
    ]
    for each in tombstones.aggregate(steps):
        yield _raise(finalizer, each)


def _raise(finalizer: Finalizer, found: Document) -> UpdateOne:
    mine = {"_id": _key(finalizer, found["_id"])}
    return UpdateOne(mine, {"$max": {"position": Int64(found["last"])}}, upsert=True)


def _key(finalizer: Finalizer, viewer: str) -> Document:
    return {"stream": finalizer.name, "viewer": viewer}


def read_horizon(
    database: Database[Document], finalizer: Finalizer, viewer: str, session: ClientSession | None
) -> int:
    """Return the last position at which a change was purged that concerned a viewer, or 0."""
    found = database[HORIZONS].find_one({"_id": _key(finalizer, viewer)}, session=session)
    return 0 if found is None else int(found["position"])


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
