"""The later steps of a write, which anybody may do: taking a place, and settling the item there.

A token decides: an item is settled by the first who finds it still pending under that token, and
everybody else finds it gone. So a place may be taken and never used, but never used behind a
reader: see the package's docstring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from bson.int64 import Int64
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from brubeck.storage.indexing import IndexSet, decode_indexes
from brubeck.storage.mongo.documents import (
    DEAD,
    OURS,
    PENDING,
    POSITION,
    TOKEN,
    Document,
    read_past,
    write_former,
    write_tokens,
)
from brubeck.storage.records import fresh_era

STREAMS: Final = "brubeck.streams"


class Stream(msgspec.Struct, frozen=True):
    """A stream's own document: where it stands, and its set of indexes."""

    position: int
    era: str
    horizon: int
    indexes: IndexSet


def read_stream(found: Document | None) -> Stream:
    """Return what a stream's document says; one that is not there stands at the beginning."""
    found = found or {}
    text = found.get("indexes")
    return Stream(
        int(found.get("position", 0)),
        found.get("era", ""),
        int(found.get("horizon", 0)),
        decode_indexes(text) if text else IndexSet(),
    )


class Settler:
    """Finishes the writes of one stream."""

    def __init__(self, name: str) -> None:
        self.name = name

    def items(self, database: Database[Document]) -> Any:
        """Return the collection of the stream's items."""
        return database[self.name]

    def tombstones(self, database: Database[Document]) -> Any:
        """Return the collection of what is left of its deleted items."""
        return database[f"{self.name}.tombstones"]

    def take_places(self, database: Database[Document], count: int, now: int) -> tuple[int, Stream]:
        """Take the next places of the change order; return the first, and the stream as it is."""
        first = {"$max": [{"$add": ["$position", Int64(1)]}, Int64(now)]}
        found = database[STREAMS].find_one_and_update(
            {"_id": self.name},
            [{"$set": {"position": {"$add": [first, Int64(count - 1)]}}}],
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            self.begin(database)
            return self.take_places(database, count, now)
        stream = read_stream(found)
        return stream.position - count + 1, stream

    def begin(self, database: Database[Document]) -> None:
        """Make the stream's own document, if it is not there."""
        fresh = {
            "position": Int64(0),
            "era": fresh_era(),
            "horizon": Int64(0),
            "version": 0,
            "indexes": None,
        }
        database[STREAMS].update_one({"_id": self.name}, {"$setOnInsert": fresh}, upsert=True)

    def settle(self, database: Database[Document], found: Sequence[Document], now: int) -> None:
        """Finish what is pending in these documents, whoever began it."""
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

        ``buried`` is the tombstone of its former life, whose past it takes over.
        """
        mark = found[OURS]["pending"]
        ours = found[OURS]
        past = read_past(buried if buried is not None and "position" not in ours else ours)
        if mark["version"] != stream.indexes.version and "old" in mark:
            # Written by a set of indexes that was another: what is new in it was not remembered.
            extract = stream.indexes.schema.extract
            past.replace(extract(mark["old"]), {} if "delete" in mark else extract(ours["json"]))
        past.remember(mark["token"], position)
        change: Document = {
            POSITION: Int64(position),
            f"{OURS}.tokens": write_tokens(past),
            f"{OURS}.former": write_former(past.former),
        }
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

    def graves(self, database: Database[Document], ids: Sequence[str]) -> dict[str, Document]:
        """Return the tombstones among some ids."""
        found = self.tombstones(database).find({"_id": {"$in": list(ids)}})
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
            }
            with suppress(DuplicateKeyError):  # a later deletion has left its own
                tombstones.replace_one(
                    {"_id": found["_id"], "position": {"$lte": position}}, grave, upsert=True
                )
            items.delete_one({"_id": found["_id"], DEAD: True, POSITION: position})
