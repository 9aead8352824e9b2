"""The same work on bare drivers: plain writes, and the promise of a position written by hand.

*Plain* keeps an item under its id and in the order of its time, as the driver's own manual would do
it. *The promise* also gives it a unique position that becomes visible in order, with the fewest
commands that can: no tokens, no former values, no filters, no sight.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any, Protocol

import pymongo
import redis
from bson.int64 import Int64
from pymongo.write_concern import WriteConcern

from brubeck.storage import Put


class Bare(Protocol):
    """A driver used by hand."""

    threads: bool
    """Whether several threads may use it at once."""

    def plain(self, puts: Sequence[Put]) -> None:
        """Keep items."""

    def promise(self, puts: Sequence[Put]) -> None:
        """Keep items and give them positions."""


def _micros() -> int:
    return time.time_ns() // 1000


class BareSQLite:
    """The standard library's driver."""

    threads = False

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        for name in ("plain", "promised"):
            self._db.execute(
                f"CREATE TABLE {name} (id TEXT UNIQUE, at INT, position INT, body TEXT)"
            )
            self._db.execute(f"CREATE INDEX {name}_at ON {name} (at, id)")
        self._db.execute("CREATE UNIQUE INDEX positions ON promised (position)")
        self._db.execute("CREATE TABLE head (position INT)")
        self._db.execute("INSERT INTO head VALUES (0)")

    def plain(self, puts: Sequence[Put]) -> None:
        """One transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        rows = [(put.id, put.created_at, put.body.decode()) for put in puts]
        self._db.executemany("INSERT INTO plain (id, at, body) VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def promise(self, puts: Sequence[Put]) -> None:
        """One transaction, whose lock gives the position."""
        self._db.execute("BEGIN IMMEDIATE")
        (head,) = self._db.execute("SELECT position FROM head").fetchone()
        rows = []
        for put in puts:
            head = max(head + 1, _micros())
            rows.append((put.id, put.created_at, head, put.body.decode()))
        self._db.executemany("INSERT INTO promised VALUES (?, ?, ?, ?)", rows)
        self._db.execute("UPDATE head SET position = ?", (head,))
        self._db.execute("COMMIT")


_SCRIPT = """
local head = tonumber(redis.call('GET', 'bare:head') or '0')
for at = 2, #ARGV, 3 do
  head = math.max(head + 1, tonumber(ARGV[1]))
  local position = string.format('%.0f', head)
  redis.call('HSET', 'bare:items', ARGV[at], position .. ' ' .. ARGV[at + 2])
  redis.call('ZADD', 'bare:timeline', ARGV[at + 1], ARGV[at])
  redis.call('ZADD', 'bare:changes', position, ARGV[at])
end
redis.call('SET', 'bare:head', string.format('%.0f', head))
redis.call('PUBLISH', 'bare:news', 'x')
"""


class BareRedis:
    """redis-py."""

    threads = True

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis.from_url(url, protocol=2)
        self._script = self._client.register_script(_SCRIPT)

    def plain(self, puts: Sequence[Put]) -> None:
        """One pipeline, as one transaction."""
        with self._client.pipeline() as pipeline:
            for put in puts:
                pipeline.hset("plain:items", put.id, put.body)
                pipeline.zadd("plain:timeline", {put.id: put.created_at})
            pipeline.execute()

    def promise(self, puts: Sequence[Put]) -> None:
        """One script."""
        args: list[str | bytes | int] = [_micros()]
        for put in puts:
            args += (put.id, put.created_at, put.body)
        self._script(args=args)


class BareMongo:
    """PyMongo, acknowledged by the majority as ours is."""

    threads = True

    def __init__(self, url: str) -> None:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url)
        database = client.get_default_database()
        majority = WriteConcern("majority")
        self._plain = database.get_collection("plain", write_concern=majority)
        self._promised = database.get_collection("promised", write_concern=majority)
        self._heads = database.get_collection("heads", write_concern=majority)
        for each in (self._plain, self._promised):
            each.create_index([("created_at", 1), ("_id", 1)])
        self._promised.create_index("position", unique=True, sparse=True)
        self._promised.create_index("pending", sparse=True)
        self._heads.insert_one({"_id": "head", "position": Int64(0)})

    def plain(self, puts: Sequence[Put]) -> None:
        """One insertion."""
        self._plain.insert_many([self._document(put) for put in puts], ordered=False)

    def promise(self, puts: Sequence[Put]) -> None:
        """Three steps: pending, a place, settled."""
        quick = self._promised.with_options(write_concern=WriteConcern(1))
        marked = [
            self._document(put) | {"pending": put.token, "number": number}
            for number, put in enumerate(puts)
        ]
        quick.insert_many(marked, ordered=False)
        first = {"$max": [{"$add": ["$position", 1]}, Int64(_micros())]}
        found: Any = self._heads.find_one_and_update(
            {"_id": "head"}, [{"$set": {"position": {"$add": [first, len(puts) - 1]}}}]
        )
        place = {"$add": [Int64(found["position"]), "$number"]}
        self._promised.update_many(
            {"_id": {"$in": [put.id for put in puts]}, "pending": {"$exists": True}},
            [{"$set": {"position": place}}, {"$unset": "pending"}],
        )

    @staticmethod
    def _document(put: Put) -> dict[str, Any]:
        return {"_id": put.id, "created_at": put.created_at, "body": put.body}
