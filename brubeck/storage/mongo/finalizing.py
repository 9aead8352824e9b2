"""The later steps of a write, open to any process: taking a place, and finalizing the item there.

A token decides: an item is finalized by the first process that finds it still pending under that
token, and all others find it gone. So a place may be taken and never used, but never used behind a
reader: see the package's docstring.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

import msgspec
from bson.int64 import Int64
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from brubeck.storage.change_cursor import next_floor
from brubeck.storage.errors import Unavailable
from brubeck.storage.indexing import IndexSet, decode_indexes
from brubeck.storage.mongo.documents import (
    OURS,
    PENDING,
    POSITION,
    TOKEN,
    TOMBSTONE,
    Document,
    read_history,
    seen_by,
    write_former,
    write_tokens,
)
from brubeck.storage.mongo.horizons import raise_horizons
from brubeck.storage.records import UNBORN, Head, fresh_era

STREAMS: Final = "brubeck.streams"

PAST_IDS: Final = "~"
"""A text greater than every id: the greatest deleted id of a stream that does not say it."""


class LostStream(Unavailable):
    """A stream that has lost its own document while a program uses it."""


class Stream(msgspec.Struct, frozen=True):
    """A stream's own document: its position, era and horizon, and its set of indexes."""

    position: int
    era: str
    horizon: int
    floor: int
    indexes: IndexSet
    deleted: str
    """The greatest id that was ever deleted: a greater one has no former life."""

    @property
    def end(self) -> int:
        """The last position that a reader may stand at."""
        return max(self.position, self.floor)

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
        found.get("deleted", PAST_IDS),
    )


def items_name(stream: str) -> str:
    """Return the name of the collection of a stream's items: the stream's own, if it may be.

    What begins with ``brubeck.`` is not a stream's own: no two collections share a name.

    >>> items_name('users.ann.posts'), items_name('users.a..posts')
    ('users.ann.posts', 'brubeck.items.users%2Ea%2E%2Eposts')
    """
    name = _permitted(stream)
    is_own = name == stream and not stream.startswith("brubeck.")
    return stream if is_own else f"brubeck.items.{name}"


def tombstones_name(stream: str) -> str:
    """Return the name of the collection of a stream's tombstones."""
    return f"brubeck.tombstones.{_permitted(stream)}"


def _permitted(stream: str) -> str:
    """Return the name of a stream, escaped where MongoDB would refuse it as that of a collection.

    It refuses a dot at either end, two in a row, ``system`` before a dot, and a dollar. Every name
    with a percent sign is escaped, so that no name is the escaped form of another.
    """
    if _REFUSED.search(stream) is None:
        return stream
    return quote(stream, safe="~:@!").replace(".", "%2E")


_REFUSED: Final = re.compile(r"^\.|\.$|\.\.|(?:^|\.)system\.|[$%]|^$")


class Finalizer:
    """Finishes the writes of one stream."""

    def __init__(self, name: str) -> None:
        self.name = name

    def items(self, database: Database[Document]) -> Any:
        """Return the collection of the stream's items."""
        return database[items_name(self.name)]

    def tombstones(self, database: Database[Document]) -> Any:
        """Return the collection of the stream's tombstones."""
        return database[tombstones_name(self.name)]

    def take_places(
        self, database: Database[Document], count: int, now: int, deleted: str = ""
    ) -> tuple[int, Stream]:
        """Take the next places of the change order; return the first, and the stream as it is.

        ``deleted`` is the greatest id among the deletions that the places are for. It is kept
        before any of these items can leave its collection, so whoever creates an item and then
        takes a place sees by the stream whether the id may have had a former life.
        """
        above = [{"$add": [f"${name}", Int64(1)]} for name in ("position", "floor")]
        first = {"$max": [*above, Int64(now)]}
        change: Document = {"position": {"$add": [first, Int64(count - 1)]}}
        if deleted:
            known = {"$ifNull": ["$deleted", PAST_IDS]}
            change["deleted"] = {"$max": [known, {"$literal": deleted}]}
        found = database[STREAMS].find_one_and_update(
            {"_id": self.name}, [{"$set": change}], return_document=ReturnDocument.AFTER
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
            "deleted": "",
        }
        database[STREAMS].update_one({"_id": self.name}, {"$setOnInsert": fresh}, upsert=True)

    def finalize(self, database: Database[Document], found: Sequence[Document], now: int) -> None:
        """Finish the pending writes of these documents, also those of other writers."""
        if not found:
            return
        deletions = [each["_id"] for each in found if "delete" in each[OURS]["pending"]]
        last = max(deletions, default="")
        first, stream = self.take_places(database, len(found), now, last)
        begun = [each["_id"] for each in found if "position" not in each[OURS]]
        archived = self.former_lives(database, begun, stream)
        for number, each in enumerate(found):
            self.finalize_one(database, each, first + number, stream, archived.get(each["_id"]))

    def finalize_one(
        self,
        database: Database[Document],
        found: Document,
        position: int,
        stream: Stream,
        archived: Document | None,
    ) -> bool:
        """Give a pending item its place; False when somebody else has given it another.

        ``archived`` is the tombstone of its former life, whose past it takes over. A first step may
        come so late that its writer has sent it again, and what that made has been deleted since:
        then it is undone.
        """
        ours = found[OURS]
        mark = ours["pending"]
        schema = stream.indexes.schema
        begins = "position" not in ours
        former = archived if archived is not None and begins else ours
        past = read_history(former)
        pending = {"_id": found["_id"], TOKEN: mark["token"]}
        if begins and past.outcome_of(mark["token"]):
            self.items(database).delete_one(pending)
            return False
        # By the set of indexes as it is now: the writer's may have been another.
        old = schema.extract(mark["old"]) if "old" in mark else {}
        new = None if "delete" in mark else schema.extract(ours["json"])
        past.replace(old, new or {})
        past.remember(mark["token"], position)
        change: Document = {
            "position": Int64(position),
            "tokens": write_tokens(past),
            "former": write_former(past.former),
        }
        if schema.sight:
            could = schema.viewers(old) if "old" in mark else (archived or {}).get("sight", ())
            seen, forgotten = seen_by(schema, new, could, former.get("departed", []), position)
            raise_horizons(database, self.name, ((each["v"], each["p"]) for each in forgotten))
            change |= seen
            if new is not None and not (begins and archived is None):
                past.admit(frozenset(could), change["sight"])
            change["late"] = past.late
        if new is None:
            change["dead"] = True
        elif not begins:
            change["version"] = ours.get("version", 1) + 1
        values = {f"{OURS}.{name}": value for name, value in change.items()}
        done = self.items(database).update_one(pending, {"$set": values, "$unset": {PENDING: ""}})
        if not done.modified_count:
            return False
        if new is None:
            self._archive_one(database, found["_id"], ours | change)
        elif archived is not None:
            self.tombstones(database).delete_one(
                {"_id": found["_id"], "position": archived["position"]}
            )
        return True

    def former_lives(
        self, database: Database[Document], ids: Iterable[str], stream: Stream
    ) -> dict[str, Document]:
        """Return the tombstones of items that begin a life, by id.

        ``stream`` is as of a place that was taken after the items were inserted.
        """
        deleted = sorted(each for each in ids if each <= stream.deleted)
        return self.archived_tombstones(database, deleted) if deleted else {}

    def archived_tombstones(
        self,
        database: Database[Document],
        ids: Sequence[str],
        session: ClientSession | None = None,
    ) -> dict[str, Document]:
        """Return the documents of the tombstones among some ids, by id."""
        found = self.tombstones(database).find({"_id": {"$in": list(ids)}}, session=session)
        return {each["_id"]: each for each in found}

    def archive(self, database: Database[Document], ids: Iterable[str]) -> None:
        """Move items that are deleted and finalized to the tombstones; half done is done again."""
        for found in self.items(database).find(
            {"_id": {"$in": list(ids)}, TOMBSTONE: True}, {OURS: 1}
        ):
            self._archive_one(database, found["_id"], found[OURS])

    def _archive_one(self, database: Database[Document], item_id: str, ours: Document) -> None:
        position = ours["position"]
        tombstone_document = {
            "position": position,
            "tokens": ours.get("tokens", []),
            "former": ours.get("former", {}),
            "sight": ours.get("sight", []),
            "departed": ours.get("departed", []),
            "late": ours.get("late", []),
        }
        with suppress(DuplicateKeyError):  # a later deletion has left its own
            self.tombstones(database).replace_one(
                {"_id": item_id, "position": {"$lte": position}}, tombstone_document, upsert=True
            )
        self.items(database).delete_one({"_id": item_id, TOMBSTONE: True, POSITION: position})
