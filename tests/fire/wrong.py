"""Two storages that look right and lose changes, for the tests of the tests.

Both take a place in the change order first and put the item there afterwards. The second one even
makes readers wait for whoever holds a reservation; but a reservation has to expire, for its holder
may have died, and a writer may stand still for longer than that at any moment.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Final, Self

import msgspec
from bson.int64 import Int64
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from brubeck.storage import Changes, ChangesQuery, Outcome, Put, RecordSchema, Write, Written
from brubeck.storage.mongo import MongoStorage
from brubeck.storage.mongo.documents import Document, document
from brubeck.storage.mongo.record_stream import MongoRecordStream
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

EXPIRY: Final = 0.2
"""Seconds that a reservation holds."""
PAUSE: Final = 0.04
"""Seconds that a writer is busy elsewhere, at the most, between its place and its item."""


class Early(MongoRecordStream):
    """Takes a position, pauses, inserts."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do new items in the wrong way, and everything else in the right one."""
        self._declared_indexes()
        outcomes: list[Outcome] = []
        for each in writes:
            there = (
                isinstance(each, Put) and each.expected is None and self.get([each.id]) == [None]
            )
            outcome = self._insert(each) if there and isinstance(each, Put) else None
            outcomes += super().write([each]) if outcome is None else [outcome]
        return outcomes

    def _insert(self, put: Put) -> Outcome | None:
        with self._server.database() as database:
            position = self._finalizer.take_places(database, 1, self._now())[0]
            return self._insert_at(database, put, position)

    def _insert_at(self, database: Database[Document], put: Put, position: int) -> Outcome | None:
        time.sleep(random.uniform(0, PAUSE))
        tokens = [{"t": put.token, "p": Int64(position)}]
        ours = {"position": Int64(position), "json": put.body, "tokens": tokens}
        try:
            self._finalizer.items(database).insert_one(document(put, self._schema, ours))
        except DuplicateKeyError:
            return None
        return Written(position)


class Reserved(Early):
    """Takes a position under a reservation, checks that it still holds, pauses, inserts, releases.

    A reader goes no further than the oldest reservation that has not expired.
    """

    def _insert(self, put: Put) -> Outcome | None:
        while True:
            with self._server.database() as database:
                reservations = database[f"{self.name}.reservations"]
                floor = self._stream(database).position
                ends = time.time() + EXPIRY
                made = reservations.insert_one({"floor": Int64(floor), "ends": ends})
                position = self._finalizer.take_places(database, 1, self._now())[0]
                if reservations.find_one({"_id": made.inserted_id, "ends": {"$gt": time.time()}}):
                    outcome = self._insert_at(database, put, position)
                    reservations.delete_one({"_id": made.inserted_id})
                    return outcome

    def changes(self, query: ChangesQuery) -> Changes:
        """Take a step along the change order, no further than where others may still insert."""
        with self._server.database() as database:
            cap = self.head().position
            reservations = database[f"{self.name}.reservations"]
            for each in reservations.find({"ends": {"$gt": time.time()}}):
                cap = min(cap, int(each["floor"]))
        found = super().changes(query)
        if found.position <= cap:
            return found
        return msgspec.structs.replace(
            found,
            changes=[each for each in found.changes if each.position <= cap],
            position=max(query.after or 0, cap),
            caught_up=False,
        )


class _Wrong(MongoStorage):
    """A storage whose streams are wrong."""

    queryset_class: type[MongoRecordStream] = MongoRecordStream

    def records(self, name: str, schema: RecordSchema) -> MongoRecordStream:
        """Return the stream of a name."""
        return self._record_streams.setdefault(
            name,
            self.queryset_class(
                self.server, self.listener, self.look_out, self.clock, name, schema
            ),
        )

    @classmethod
    def from_url(cls, url: str, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Open ``mongodb://``."""
        return super().from_url(url, clock=clock)


class EarlyStorage(_Wrong):
    """A storage of `Early` streams."""

    queryset_class = Early


class ReservedStorage(_Wrong):
    """A storage of `Reserved` streams."""

    queryset_class = Reserved


WRONG: Final[dict[str, type[MongoStorage]]] = {"early": EarlyStorage, "reserved": ReservedStorage}
"""Each by the prefix of its URL: ``early+mongodb://``."""
