"""The later steps of a write, open to any process: taking a place, and settling the item there.

A token decides: an item is settled by the first process that finds it still pending under that
token, and all others find it gone. So a place may be taken and never used, but never used behind a
reader: see the package's docstring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from bson.int64 import Int64
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from brubeck.storage.errors import Unavailable
from brubeck.storage.indexing import IndexSet, decode_indexes
from brubeck.storage.mongo.documents import (
    DEAD,
    DEPARTED,
    LATE,
    OURS,
    PENDING,
    POSITION,
    SIGHT,
    TOKEN,
    Document,
    read_past,
    seen_by,
    write_former,
    write_tokens,
)
from brubeck.storage.places import next_floor
from brubeck.storage.records import UNBORN, Head, fresh_era

STREAMS: Final = "brubeck.streams"
HORIZONS: Final = "brubeck.horizons"
"""The collection of the last position of each viewer's purged changes."""


class LostStream(Unavailable):
    """A stream that has lost its own document while a program uses it."""


class Stream(msgspec.Struct, frozen=True):
    """A stream's own document: its position, era and horizon, and its set of indexes."""

    position: int
    era: str
    horizon: int
    floor: int
    indexes: IndexSet

    @property
    def head(self) -> Head:
        """Where the change order ends."""
        era = self.era if self.position else UNBORN
        return Head(self.position, era, self.horizon, self.floor)


def read_stream(found: Document | None) -> Stream:
    """Return the state of a stream from its document; a missing one is at the start."""
    found = found or {}
    text = found.get("indexes")
    return Stream(
        int(found.get("position", 0)),
        found.get("era", ""),
        int(found.get("horizon", 0)),
        int(found.get("floor", 0)),
        decode_indexes(text) if text else IndexSet(),
    )


def items_name(stream: str) -> str:
    """Return the name of the collection of a stream's items: the stream's own, if it may be.

    What begins with ``brubeck.`` is not a stream's own: no two collections share a name.
    """
    reserved = stream.startswith(("brubeck.", "system."))
    return f"brubeck.items.{stream}" if reserved else stream


def tombstones_name(stream: str) -> str:
    """Return the name of the collection of a stream's tombstones."""
    return f"brubeck.tombstones.{stream}"


class Settler:
    """Finishes the writes of one stream."""

    def __init__(self, name: str) -> None:
        self.name = name

    def items(self, database: Database[Document]) -> Any:
        """Return the collection of the stream's items."""
        return database[items_name(self.name)]

    def tombstones(self, database: Database[Document]) -> Any:
        """Return the collection of the stream's tombstones."""
        return database[tombstones_name(self.name)]

    def take_places(self, database: Database[Document], count: int, now: int) -> tuple[int, Stream]:
        """Take the next places of the change order; return the first, and the stream as it is."""
        above = [{"$add": [f"${name}", Int64(1)]} for name in ("position", "floor")]
        first = {"$max": [*above, Int64(now)]}
        found = database[STREAMS].find_one_and_update(
            {"_id": self.name},
            [{"$set": {"position": {"$add": [first, Int64(count - 1)]}}}],
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            raise LostStream(f"The database has lost the stream {self.name}.")
        stream = read_stream(found)
        return stream.position - count + 1, stream

    def raise_floor(self, database: Database[Document], head: Head, now: int) -> bool:
        """Keep the floor that a viewer is to be shown; False when it is past that already."""
        floor = next_floor(head, now)
        if floor == head.floor:
            return False
        stream: Document = {"_id": self.name}
        database[STREAMS].update_one(stream, {"$max": {"floor": Int64(floor)}})
        return True

    def begin(self, database: Database[Document]) -> None:
        """Make the stream's own document, if it is not there."""
        fresh = {
            "position": Int64(0),
            "era": fresh_era(),
            "horizon": Int64(0),
            "floor": Int64(0),
            "version": 0,
            "indexes": None,
        }
        database[STREAMS].update_one({"_id": self.name}, {"$setOnInsert": fresh}, upsert=True)

    def settle(self, database: Database[Document], found: Sequence[Document], now: int) -> None:
        """Finish the pending writes of these documents, also those of other writers."""
        if not found:
            return
        first, stream = self.take_places(database, len(found), now)
        buried = self.graves(database, [each["_id"] for each in found])
        for number, each in enumerate(found):
            self.settle_one(database, each, first + number, stream, buried.get(each["_id"]))

    def settle_one(
        self,
        database: Database[Document],
        found: Document,
        position: int,
        stream: Stream,
        buried: Document | None,
    ) -> bool:
        """Give a pending item its place; False when somebody else has given it another.

        ``buried`` is the tombstone of its former life, whose past it takes over. A first step may
        come so late that its writer has sent it again, and what that made has been deleted since:
        then it is undone.
        """
        mark = found[OURS]["pending"]
        ours = found[OURS]
        schema = stream.indexes.schema
        begins = "position" not in ours
        former = buried if buried is not None and begins else ours
        past = read_past(former)
        if begins and past.outcome_of(mark["token"]):
            self.items(database).delete_one({"_id": found["_id"], TOKEN: mark["token"]})
            return False
        old = schema.extract(mark["old"]) if "old" in mark else {}
        new = None if "delete" in mark else schema.extract(ours["json"])
        if mark["version"] != stream.indexes.version:
            # Written by a set of indexes that was another: what is new in it was not remembered.
            past.replace(old, new or {})
        past.remember(mark["token"], position)
        change: Document = {
            POSITION: Int64(position),
            f"{OURS}.tokens": write_tokens(past),
            f"{OURS}.former": write_former(past.former),
        }
        if schema.sight:
            could = schema.viewers(old) if "old" in mark else (buried or {}).get("sight", ())
            sight = seen_by(schema, new, could, former.get("departed", []), position)
            change |= {SIGHT: sight["sight"], DEPARTED: sight["departed"]}
            if new is not None and not (begins and buried is None):
                past.admit(frozenset(could), sight["sight"])
            change[LATE] = past.late
        if "delete" in mark:
            change[DEAD] = True
        done = self.items(database).update_one(
            {"_id": found["_id"], TOKEN: mark["token"]}, {"$set": change, "$unset": {PENDING: ""}}
        )
        if not done.modified_count:
            return False
        if "delete" in mark:
            self.bury(database, [found["_id"]])
        elif buried is not None:
            self.tombstones(database).delete_one(
                {"_id": found["_id"], "position": buried["position"]}
            )
        return True

    def graves(
        self,
        database: Database[Document],
        ids: Sequence[str],
        session: ClientSession | None = None,
    ) -> dict[str, Document]:
        """Return the documents of the tombstones among some ids, by id."""
        found = self.tombstones(database).find({"_id": {"$in": list(ids)}}, session=session)
        return {each["_id"]: each for each in found}

    def bury(self, database: Database[Document], ids: Iterable[str]) -> None:
        """Move items that are deleted and settled to the tombstones; half done is done again."""
        items, tombstones = self.items(database), self.tombstones(database)
        for found in items.find({"_id": {"$in": list(ids)}, DEAD: True}):
            ours = found[OURS]
            position = ours["position"]
            grave = {
                "position": position,
                "tokens": ours.get("tokens", []),
                "former": ours.get("former", {}),
                "sight": ours.get("sight", []),
                "departed": ours.get("departed", []),
                "late": ours.get("late", []),
            }
            with suppress(DuplicateKeyError):  # a later deletion has left its own
                tombstones.replace_one(
                    {"_id": found["_id"], "position": {"$lte": position}}, grave, upsert=True
                )
            items.delete_one({"_id": found["_id"], DEAD: True, POSITION: position})
