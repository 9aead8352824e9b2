"""Writing items in MongoDB: the first step, and then those that anybody may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeGuard
from uuid import uuid4

from bson.int64 import Int64
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from brubeck.storage.history import refusal
from brubeck.storage.indexing import IndexSet
from brubeck.storage.mongo.client import quick
from brubeck.storage.mongo.documents import (
    BATCH,
    OURS,
    PENDING,
    POSITION,
    TOKEN,
    TOMBSTONE,
    WRITTEN,
    Document,
    document,
    first_step,
    pending,
    read_history,
)
from brubeck.storage.mongo.finalizing import Finalizer
from brubeck.storage.records import Delete, Outcome, Put, Write, Written
from brubeck.storage.schema import RecordSchema

_DUPLICATE: Final = 11000


class Writer:
    """Writes to one stream by one set of indexes."""

    def __init__(
        self,
        database: Database[Document],
        finalizer: Finalizer,
        schema: RecordSchema,
        indexes: IndexSet,
        now: int,
    ) -> None:
        self._database = database
        self._finalizer = finalizer
        self._schema = schema
        self._indexes = indexes
        self._now = now
        self._items = finalizer.items(database)
        self._first_step = quick(self._items)

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself; new items together, three steps for all of them."""
        outcomes: list[Outcome] = []
        for some in _of_different_ids(writes):
            known = self._create([each for each in some if _creates(each)])
            outcomes += [known.get(each.id) or self._change(each) for each in some]
        return outcomes

    # New items.

    def _create(self, puts: Sequence[Put]) -> dict[str, Outcome]:
        """Create items with unused ids; return their outcomes by id. Others are for `_change`."""
        batch = uuid4().hex
        made = [self._new_document(put, batch, number) for number, put in enumerate(puts)]
        inserted = self._insert(made)
        if not inserted:
            return {}
        first, stream = self._finalizer.take_places(self._database, len(puts), self._now)
        former = self._finalizer.former_lives(self._database, inserted, stream)
        alone = stream.indexes.version != self._indexes.version  # what is new in it is looked at
        known: dict[str, Outcome] = {}
        together: dict[str, Outcome] = {}
        for number, each in enumerate(made):
            item_id, position = each["_id"], first + number
            if item_id not in inserted:
                continue
            if not alone and item_id not in former:
                together[item_id] = Written(position)
            elif self._finalizer.finalize_one(
                self._database, each, position, stream, former.get(item_id)
            ):
                known[item_id] = Written(position)
        if together and self._finalize(batch, sorted(together), first) == len(together):
            known |= together
        return known  # those that others have finalized are looked for where they stand

    def _finalize(self, batch: str, ids: list[str], first: int) -> int:
        """Give new items their places; return how many of them were still pending."""
        place = {"$add": [Int64(first), f"${PENDING}.number"]}
        token = {"t": f"${TOKEN}", "p": place}
        finalized = self._items.update_many(
            {"_id": {"$in": ids}, BATCH: batch},
            [{"$set": {POSITION: place, f"{OURS}.tokens": [token]}}, {"$unset": PENDING}],
        )
        return int(finalized.modified_count)

    def _insert(self, documents: list[Document]) -> set[str]:
        ids = {each["_id"] for each in documents}
        if not documents:
            return ids
        try:
            self._first_step.insert_many(documents, ordered=False)
        except BulkWriteError as reason:
            errors: list[Any] = (reason.details or {}).get("writeErrors", [])
            if any(each["code"] != _DUPLICATE for each in errors):
                raise
            ids -= {documents[each["index"]]["_id"] for each in errors}
        return ids

    def _new_document(self, put: Put, batch: str, number: int) -> Document:
        ours = self._ours(put)
        ours["pending"] |= {"batch": batch, "number": Int64(number)}
        return document(put, self._schema, ours)

    def _ours(self, write: Write) -> Document:
        """Return Brubeck's own part of a new version; it has the viewers from the first step on."""
        ours: Document = {"pending": pending(write)}
        if isinstance(write, Put):
            schema = self._indexes.schema
            ours["json"] = write.body
            if schema.sight:
                ours["sight"] = sorted(schema.viewers(schema.extract(write.body)))
        return ours

    # Items that are there, or have been.

    def _change(self, write: Write) -> Outcome:
        """Do one write, and retry it as often as another writer comes between."""
        outcome = None if _creates(write) else self._try(write)
        while outcome is None:
            outcome = self._look(write) or self._try(write)
        return outcome

    def _try(self, write: Write) -> Outcome | None:
        """Do the three steps of a write; None where the first or the last does not apply."""
        if _creates(write):
            return self._create([write]).get(write.id)
        ours = self._ours(write)
        still: Document = {
            "_id": write.id,
            PENDING: {"$exists": False},
            TOMBSTONE: {"$exists": False},
            WRITTEN: {"$ne": write.token},
        }
        if write.expected is not None:
            still[POSITION] = write.expected
        found = self._first_step.find_one_and_update(
            still, first_step(write, self._schema, ours), {OURS: 1}
        )
        if found is None:
            return None
        ours["pending"]["old"] = found[OURS]["json"]
        found[OURS] |= ours
        deleted = write.id if isinstance(write, Delete) else ""
        position, stream = self._finalizer.take_places(self._database, 1, self._now, deleted)
        finalized = self._finalizer.finalize_one(self._database, found, position, stream, None)
        return Written(position) if finalized else None

    def _look(self, write: Write) -> Outcome | None:
        """Return the outcome of a write that has happened or is refused; None to try it again."""
        found = self._items.find_one({"_id": write.id}, {OURS: 1})
        while found is not None and not found[OURS].keys().isdisjoint(("pending", "dead")):
            if "pending" in found[OURS]:
                self._finalizer.finalize(self._database, [found], self._now)
            else:
                self._finalizer.archive(self._database, [write.id])
            found = self._items.find_one({"_id": write.id}, {OURS: 1})
        if found is not None:
            stands = found[OURS]
        else:
            stands = self._finalizer.archived_tombstones(self._database, [write.id]).get(write.id)
        happened = read_history(stands or {}).outcome_of(write.token)
        if happened is not None:
            self._assure(write.id)
            return happened
        position = None if stands is None else int(stands["position"])
        refused = refusal(write, live=found is not None, position=position)
        if (
            refused is not None
            and stands is None
            and self._items.find_one({"_id": write.id}, {"_id": 1})
        ):
            return None  # it has left its tombstone between the two reads, and its past with it
        return refused

    def _assure(self, item_id: str) -> None:
        """Wait until the version read here is as durable as a new write."""
        self._items.update_one({"_id": item_id}, {"$unset": {f"{OURS}.nothing": ""}})


def _creates(write: Write) -> TypeGuard[Put]:
    return isinstance(write, Put) and write.expected is None


def _of_different_ids(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Yield runs of writes to different ids, in order."""
    some: dict[str, Write] = {}
    for write in writes:
        if write.id in some:
            yield list(some.values())
            some = {}
        some[write.id] = write
    if some:
        yield list(some.values())
