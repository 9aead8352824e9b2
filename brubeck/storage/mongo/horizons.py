"""The horizons of viewers: how far the changes are purged that concerned each of them.

Each viewer has a horizon of its own beside the stream's. By it alone a viewer's cursor is lost, so
that it learns nothing of the purged changes of others.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from bson.int64 import Int64
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from brubeck.storage.mongo.documents import Document

HORIZONS: Final = "brubeck.horizons"
"""The collection of the last position of each viewer's purged changes."""
_BATCH: Final = 1000


def raise_horizons(
    database: Database[Document], stream: str, purged: Iterable[tuple[str, int]]
) -> None:
    """Keep for viewers the positions up to which changes that concerned them are being purged."""
    raising = (
        UpdateOne(
            {"_id": _key(stream, viewer)}, {"$max": {"position": Int64(position)}}, upsert=True
        )
        for viewer, position in purged
    )
    while some := list(islice(raising, _BATCH)):
        database[HORIZONS].bulk_write(some, ordered=False)


def read_horizon(
    database: Database[Document], stream: str, viewer: str, session: ClientSession | None
) -> int:
    """Return the last position at which a change was purged that concerned a viewer, or 0."""
    found = database[HORIZONS].find_one({"_id": _key(stream, viewer)}, session=session)
    return 0 if found is None else int(found["position"])


def forget_horizons(database: Database[Document], stream: str, before: int) -> None:
    """Delete the horizons before a position, a piece at a time; no accepted cursor is as old."""
    horizons = database[HORIZONS]
    horizons.create_index([("_id.stream", 1), ("position", 1)], name="old")
    old: Document = {"_id.stream": stream, "position": {"$lt": Int64(before)}}
    while keys := [each["_id"] for each in horizons.find(old, {"_id": 1}).limit(_BATCH)]:
        horizons.delete_many({"_id": {"$in": keys}, **old})


def _key(stream: str, viewer: str) -> Document:
    return {"stream": stream, "viewer": viewer}
