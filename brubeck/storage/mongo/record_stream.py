"""A stream in MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import pymongo
from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from brubeck.storage.batching import ListBatches
from brubeck.storage.errors import Unavailable
from brubeck.storage.indexing import IndexSet, encode_indexes
from brubeck.storage.lookout import LookOut
from brubeck.storage.mongo.client import DatabaseClient
from brubeck.storage.mongo.documents import (
    LATE,
    OURS,
    POSITION,
    SIGHT,
    Document,
)
from brubeck.storage.mongo.finalizing import STREAMS, LostStream
from brubeck.storage.mongo.indexes import (
    BUILD_SECONDS,
    builds,
    facet,
    indexes_of_every_stream,
    indexes_of_sight,
    indexes_of_tombstones,
)
from brubeck.storage.mongo.listening import MongoListener
from brubeck.storage.mongo.purging import purge
from brubeck.storage.mongo.reading import ReadableRecordStream
from brubeck.storage.mongo.writing import Writer
from brubeck.storage.records import (
    Outcome,
    Put,
    Write,
)
from brubeck.storage.schema import RecordSchema
from brubeck.timekeeping import Clock

T = TypeVar("T")

TOGETHER: Final = 1000
"""How many new items of several callers are written in one go."""


class MongoRecordStream(ReadableRecordStream):
    """One stream in MongoDB."""

    def __init__(
        self,
        server: DatabaseClient,
        listener: MongoListener,
        look_out: LookOut,
        clock: Clock,
        name: str,
        schema: RecordSchema,
    ) -> None:
        super().__init__(server, look_out, clock, name, schema)
        self._listener = listener
        self._creations = ListBatches(self._write_all, TOGETHER)

    # Indexes.

    def _open(self) -> None:
        with self._server.database() as database:
            self._finalizer.begin(database)
            indexes = indexes_of_every_stream(sharded=self._server.sharded)
            self._finalizer.items(database).create_indexes(indexes)
            self._finalizer.tombstones(database).create_indexes(indexes_of_tombstones())

    def _begin_again(self) -> None:
        self._indexes, self._kept = None, 0
        self._declared_indexes()

    def _is_empty(self) -> bool:
        with self._server.database() as database:
            return self._stream(database).position == 0

    def _read_indexes(self) -> IndexSet:
        with self._server.database() as database:
            return self._stream(database).indexes

    def _keep_indexes(self, old: IndexSet, new: IndexSet) -> bool:
        changed = {"version": new.version, "indexes": encode_indexes(new).decode()}
        same = {"_id": self.name, "version": old.version}
        with self._server.database() as database:
            return database[STREAMS].update_one(same, {"$set": changed}).matched_count == 1

    def _fill(self, indexes: IndexSet) -> None:
        """Have the server build the missing indexes, in one pass; it goes on serving meanwhile.

        However long that takes: a build that a client gives up would start again, and never end.
        """
        with self._server.database() as database, pymongo.timeout(BUILD_SECONDS):
            facets = [
                IndexModel(facet(name)) for name in indexes.building if name in indexes.equality
            ]
            if facets:
                self._finalizer.items(database).create_indexes(facets)
            if not set(indexes.building).isdisjoint(indexes.sight):
                self._build_sight(database, indexes)

    def progress(self) -> dict[str, float]:
        """Return the part of each unfinished index that its server has built."""
        with self._server.database() as database:
            built = builds(database, self._finalizer.items(database).name)
        return {name: built[name] for name in self.unfinished() if name in built}

    def _build_sight(self, database: Database[Document], indexes: IndexSet) -> None:
        """Store the viewers of each item; writers do so for the items that change meanwhile."""
        items, schema = self._finalizer.items(database), indexes.schema
        items.create_indexes(indexes_of_sight())
        for each in items.find(
            {SIGHT: {"$exists": False}}, {f"{OURS}.json": 1, POSITION: 1, f"{OURS}.former": 1}
        ):
            viewers = sorted(schema.viewers(schema.extract(each[OURS]["json"])))
            items.update_one(
                {"_id": each["_id"], POSITION: each[OURS].get("position")},
                {"$set": {SIGHT: viewers, LATE: viewers if each[OURS].get("former") else []}},
            )

    # Writing.

    def _write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself; the new items of several callers go together."""
        if all(isinstance(each, Put) and each.expected is None for each in writes):
            return self._creations.do(writes)
        return self._write_all(writes)

    def _write_all(self, writes: Sequence[Write]) -> list[Outcome]:
        while True:
            try:
                return self._twice(lambda: self._write_once(writes))
            except LostStream:
                self._begin_again()  # and write again: each write is known by its token

    def _write_once(self, writes: Sequence[Write]) -> list[Outcome]:
        indexes = self._declared_indexes()
        with self._server.database() as database:
            writer = Writer(database, self._finalizer, self._schema, indexes, self._now())
            return writer.write(writes)

    def _twice(self, action: Callable[[], T]) -> T:
        """Run an idempotent action again when its connection broke; not when time ran out."""
        try:
            return action()
        except Unavailable as reason:
            if not isinstance(reason.__cause__, AutoReconnect) or reason.__cause__.timeout:
                raise
            return action()

    def purge(self, until: int) -> int:
        """Forget the tombstones up to a position, and return how many."""
        with self._server.database() as database:
            if not self._stream(database).position:
                return 0
            return purge(database, self._finalizer, until, self._now())

    # Following.

    def _hear(self) -> None:
        """Listen to the server's stream of changes, if it has one."""
        self._listener.hear(self.name, self.notifier)
