"""Writing items in MongoDB: the first step, and then those that anybody may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

from bson.int64 import Int64
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from brubeck.storage.indexing import IndexSet
from brubeck.storage.mongo.connecting import quick
from brubeck.storage.mongo.documents import (
    BATCH,
    DEAD,
    OURS,
    PENDING,
    POSITION,
    TOKEN,
    Document,
    document,
    pending,
    read_past,
    write_former,
    write_tokens,
)
from brubeck.storage.mongo.settling import Settler
from brubeck.storage.past import refusal
from brubeck.storage.records import Delete, Outcome, Put, Write, Written
from brubeck.storage.schema import Schema

_DUPLICATE: Final = 11000


class Writer:
    """Writes to one stream by one set of indexes."""

    def __init__(
        self,
        database: Database[Document],
        settler: Settler,
        schema: Schema,
        indexes: IndexSet,
        now: int,
    ) -> None:
        self._database = database
        self._settler = settler
        self._schema = schema
        self._indexes = indexes
        self._now = now
        self._items = settler.items(database)
        self._first_step = quick(self._items)

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself; new items together, three steps for all of them."""
        outcomes: list[Outcome] = []
        for some in _of_different_ids(writes):
            known: dict[str, Outcome] = {}
            new = [each for each in some if isinstance(each, Put) and each.expected is None]
            if new:
                known = self._create(new)
            outcomes += [known.get(each.id) or self._change(each) for each in some]
        return outcomes

    # New items.

    def _create(self, puts: Sequence[Put]) -> dict[str, Outcome]:
        """Create items with unused ids; return their outcomes by id. Others are for `_change`."""
        graves = self._settler.graves(self._database, [put.id for put in puts])
        fresh = [put for put in puts if put.id not in graves]
        batch = uuid4().hex
        made = [self._new_document(put, batch, number) for number, put in enumerate(fresh)]
        inserted = self._insert(made)
        if not inserted:
            return {}
        first, stream = self._settler.take_places(self._database, len(fresh), self._now)
        # Somebody may have created and deleted one of them meanwhile: its past is taken over.
        graves = self._settler.graves(self._database, sorted(inserted))
        alone = stream.indexes.version != self._indexes.version  # what is new in it is looked at
        for number, each in enumerate(made):
            if each["_id"] in inserted and (alone or each["_id"] in graves):
                grave = graves.get(each["_id"])
                self._settler.settle_one(self._database, each, first + number, stream, grave)
        place = {"$add": [Int64(first), f"${PENDING}.number"]}
        token = {"t": f"${TOKEN}", "p": place}
        settled = self._items.update_many(
            {"_id": {"$in": sorted(inserted)}, BATCH: batch},
            [{"$set": {POSITION: place, f"{OURS}.tokens": [token]}}, {"$unset": PENDING}],
        )
        if settled.modified_count == len(inserted):
            return {
                put.id: Written(first + number)
                for number, put in enumerate(fresh)
                if put.id in inserted
            }
        # Some were settled otherwise: each is asked for where it stands.
        return {put.id: self._change(put) for put in fresh if put.id in inserted}

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
        mark = pending(put, self._indexes.version, None)
        mark |= {"batch": batch, "number": Int64(number)}
        return document(put, self._schema, self._ours(put, mark))

    def _ours(self, put: Put, mark: Document) -> Document:
        """Return Brubeck's own part of a new version; it has the viewers from the first step on."""
        schema = self._indexes.schema
        ours: Document = {"json": put.body, "pending": mark}
        if schema.sight:
            ours["sight"] = sorted(schema.viewers(schema.extract(put.body)))
        return ours

    # Items that are there, or have been.

    def _change(self, write: Write) -> Outcome:
        """Do one write, and retry it as often as another writer comes between."""
        while True:
            outcome = self._try(write)
            if outcome is not None:
                return outcome

    def _try(self, write: Write) -> Outcome | None:
        """Try a write; None when it has to be retried."""
        found = self._items.find_one({"_id": write.id})
        if found is not None and "pending" in found[OURS]:
            self._settler.settle(self._database, [found], self._now)
            return None
        if found is not None and found[OURS].get("dead"):
            self._settler.bury(self._database, [write.id])
            return None
        buried = None
        if found is None:
            buried = self._settler.graves(self._database, [write.id]).get(write.id)
        past = read_past(found[OURS] if found is not None else buried or {})
        happened = past.outcome_of(write.token)
        if happened is not None:
            self._assure(write.id)
            return happened
        stands = found[OURS] if found is not None else buried
        refused = refusal(
            write,
            live=found is not None,
            position=None if stands is None else int(stands["position"]),
        )
        if refused is not None:
            if stands is None and self._items.find_one({"_id": write.id}, {"_id": 1}):
                return None  # it has left its grave between the two reads, and its past with it
            return refused
        if found is None:
            self._begin_life(write)
        else:
            self._begin_change(write, found)
        return self._settle(write)

    def _assure(self, item_id: str) -> None:
        """Wait until the version read here is as durable as a new write."""
        self._items.update_one({"_id": item_id}, {"$unset": {f"{OURS}.nothing": ""}})

    def _begin_life(self, write: Write) -> None:
        assert isinstance(write, Put)  # noqa: S101, nothing else is allowed where nothing is
        mark = pending(write, self._indexes.version, None)
        try:
            self._first_step.insert_one(document(write, self._schema, self._ours(write, mark)))
        except DuplicateKeyError:
            return  # somebody was first; what has become of it is seen when this is settled

    def _begin_change(self, write: Write, found: Document) -> None:
        ours = found[OURS]
        old = ours["json"]
        extract = self._indexes.schema.extract
        past = read_past(ours)
        past.replace(extract(old), extract(write.body) if isinstance(write, Put) else {})
        still = {"_id": write.id, POSITION: ours["position"], PENDING: {"$exists": False}}
        mark = pending(write, self._indexes.version, old)
        if isinstance(write, Delete):
            change = {PENDING: mark, f"{OURS}.former": write_former(past.former)}
            self._first_step.update_one(still | {DEAD: {"$exists": False}}, {"$set": change})
            return
        next_ours = self._ours(write, mark) | {
            "position": ours["position"],
            "tokens": write_tokens(past),
            "former": write_former(past.former),
            "departed": ours.get("departed", []),
            "late": ours.get("late", []),
        }
        # In the life of an item its time never changes, whatever a write says.
        changed = document(write, self._schema, next_ours) | {"created_at": found["created_at"]}
        self._first_step.replace_one(still | {DEAD: {"$exists": False}}, changed)

    def _settle(self, write: Write) -> Outcome | None:
        """Do the later steps of a write, unless the first one did not come to pass."""
        found = self._items.find_one({"_id": write.id, TOKEN: write.token})
        if found is not None:
            self._settler.settle(self._database, [found], self._now)
        return None  # another process settled it: it is found by its token


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
