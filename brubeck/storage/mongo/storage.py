"""A MongoDB as a storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self
from uuid import uuid4
from weakref import WeakValueDictionary

from bson.int64 import Int64
from pymongo import ReturnDocument
from pymongo.collection import Collection

from brubeck import green
from brubeck.config.values import duration, whole
from brubeck.green import Lock
from brubeck.storage.checking import Finding
from brubeck.storage.contract import Storage
from brubeck.storage.lookout import LookOut
from brubeck.storage.mongo.checking import findings
from brubeck.storage.mongo.client import DatabaseClient
from brubeck.storage.mongo.finalizing import STREAMS, read_stream
from brubeck.storage.mongo.listening import MongoListener
from brubeck.storage.mongo.options import driver_url, own_options
from brubeck.storage.mongo.record_stream import MongoRecordStream
from brubeck.storage.records import Attempt, Head, fresh_era
from brubeck.storage.schema import RecordSchema
from brubeck.storage.urls import read_options, split
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

OPTIONS: Final = {"timeout": duration, "pool": whole(1, 10_000)}
POLL: Final = 0.25
"""Seconds after which a reader that waits learns of another process's write, at the latest."""
HITS: Final = "brubeck.hits"
ATTEMPTS: Final = "brubeck.attempts"
CLOCKS_DIFFER: Final = 60.0
"""Seconds for which a count that has ended is left to processes whose clocks are behind."""
FORGOTTEN: Final = 100
"""How many documents that have ended are deleted for one that is added."""


class MongoStorage(Storage):
    """Streams in a MongoDB: a standalone server, a replica set or a sharded cluster.

    ``timeout`` is how many seconds an operation may take, and at most ``pool`` are under way.
    """

    def __init__(
        self, url: str, *, timeout: float = 5.0, pool: int = 50, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.clock = clock
        self.server = DatabaseClient(driver_url(url, tuple(OPTIONS)), timeout=timeout, pool=pool)
        self.listener = MongoListener(self.server)
        self.look_out = LookOut(self._heads_of, POLL)
        # Anybody may ask for any partition: one that is looked at by nobody is not held.
        self._record_streams: WeakValueDictionary[str, MongoRecordStream] = WeakValueDictionary()
        self._indexed: set[str] = set()
        self._lock = Lock()

    @classmethod
    def from_url(cls, url: str, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Open ``mongodb://host:port/database`` or ``mongodb+srv://``."""
        ours = own_options(split(url).query, tuple(OPTIONS))
        return cls(url, clock=clock, **read_options(f"mongodb://?{ours}", OPTIONS))

    def records(self, name: str, schema: RecordSchema) -> MongoRecordStream:
        """Return the stream of a name."""
        with self._lock:
            known = self._record_streams.get(name)
            if known is None:
                known = self._record_streams[name] = MongoRecordStream(
                    self.server, self.listener, self.look_out, self.clock, name, schema
                )
            known.ask(schema)
            return known

    def new_era(self) -> str:
        """Begin a new era in every stream and return its name."""
        era = fresh_era()
        with self.server.database() as database:
            database[STREAMS].update_many({}, {"$set": {"era": era}})
        return era

    def hit(self, key: str, window: float) -> int:
        """Count one more hit on a key and return how many there are in its window."""
        now = self.clock.micros() / 1e6
        over = {"$lte": [{"$ifNull": ["$ends", 0]}, now]}
        counted = {
            "hits": {"$cond": [over, 1, {"$add": ["$hits", 1]}]},
            "ends": {"$cond": [over, now + window, "$ends"]},
        }
        with self.server.database() as database:
            found: Any = database[HITS].find_one_and_update(
                {"_id": key},
                [{"$set": counted}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            if found["hits"] == 1:
                self._forget(database[HITS], now - CLOCKS_DIFFER)
        return int(found["hits"])

    def attempt(
        self, key: str, digest: bytes, plan: bytes, *, lease: float, keep: float
    ) -> Attempt:
        """Note that a request is about to be carried out; see `Storage.attempt`."""
        now = self.clock.micros() / 1e6
        asks = uuid4().hex
        over = {"$lte": [{"$ifNull": ["$ends", 0]}, now]}
        begun = {
            "digest": {"$cond": [over, {"$literal": digest}, "$digest"]},
            "plan": {"$cond": [over, {"$literal": plan}, "$plan"]},
            "answer": {"$cond": [over, None, "$answer"]},
            "leased": {"$cond": [over, 0.0, "$leased"]},
            "ends": {"$cond": [over, now + keep, "$ends"]},
        }
        free = {"$and": [{"$eq": ["$answer", None]}, {"$lte": ["$leased", now]}]}
        leased = {
            "by": {"$cond": [free, asks, "$by"]},
            "leased": {"$cond": [free, now + lease, "$leased"]},
        }
        with self.server.database() as database:
            self._forget(database[ATTEMPTS], now)
            known: Any = database[ATTEMPTS].find_one_and_update(
                {"_id": key},
                [{"$set": begun}, {"$set": leased}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return Attempt(known["digest"], known["plan"], known["answer"], known.get("by") == asks)

    def conclude(self, key: str, answer: bytes | None) -> None:
        """Keep the answer of an attempt, or give it back."""
        with self.server.database() as database:
            database[ATTEMPTS].update_one(
                {"_id": key}, {"$set": {"answer": answer, "leased": 0.0}, "$unset": {"by": ""}}
            )

    def _forget(self, collection: Collection[Any], now: float) -> None:
        """Delete some expired documents, by an index: more than are added, so that none stays long.

        Many may end together, and one command for all of them could take longer than it may.
        """
        if collection.name not in self._indexed:
            collection.create_index("ends")
            self._indexed.add(collection.name)
        over = {"ends": {"$lte": now}}
        ids = [each["_id"] for each in collection.find(over, {"_id": 1}).limit(FORGOTTEN)]
        if ids:
            collection.delete_many({"_id": {"$in": ids}, **over})

    def streams(self, prefix: str = "") -> list[str]:
        """Return the names of the streams that have been written to."""
        with self.server.database() as database:
            found = database[STREAMS].find({"position": {"$gt": Int64(0)}}, {"_id": 1})
            return sorted(each["_id"] for each in found if each["_id"].startswith(prefix))

    def heads(self, prefix: str = "") -> dict[str, Head]:
        """Return the heads of the streams that have been written to, by name."""
        query = {"_id": {"$gte": prefix}, "position": {"$gt": Int64(0)}}
        with self.server.database() as database:
            found = database[STREAMS].find(query, {"indexes": 0})
            return {
                each["_id"]: read_stream(each).head
                for each in green.fairly(found)
                if each["_id"].startswith(prefix)
            }

    def _heads_of(self, names: Sequence[str]) -> dict[str, Head]:
        query = {"_id": {"$in": list(names)}, "position": {"$gt": Int64(0)}}
        with self.server.reading() as (database, session):
            found = database[STREAMS].find(query, {"indexes": 0}, session=session)
            return {each["_id"]: read_stream(each).head for each in found}

    def check(self) -> list[Finding]:
        """Return the kind of the server, and whether it acknowledges writes as required."""
        return findings(self.server)

    def close(self) -> None:
        """Close every connection; readers that wait end."""
        self.listener.close()
        for queryset in list(self._record_streams.values()):
            queryset.notifier.close()
        self.server.close()
