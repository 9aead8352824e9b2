"""Rows that end together are deleted a few at a time: all writes wait for each transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from brubeck.jobs.opening import open_queue
from brubeck.jobs.queue import QueuedJob
from brubeck.jobs.sql_queue import SQLQueue
from brubeck.storage import ChangesQuery, FieldInfo, LostCursor, Put, RecordSchema, Storage, Written
from brubeck.storage.mongo import MongoStorage
from brubeck.storage.mongo.storage import ATTEMPTS, HITS
from brubeck.storage.opening import open_storage
from brubeck.storage.schema import MAX_VALUES
from brubeck.storage.sqlite import SQLiteStorage
from brubeck.storage.sqlite.purging import ROWS_AT_ONCE, forget_departures, raise_horizon
from tests.servers.mongo import MongoServer

MOST = 100
"""How many rows one call may delete."""
MANY = 350
SIGHT = RecordSchema({"readers": FieldInfo("list", item_kind="string")}, sight=("readers",))


@pytest.fixture(params=["sqlite", "mongo"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Yield an empty storage."""
    url = f"sqlite:///{tmp_path}/notes.db"
    if request.param == "mongo":
        mongo: MongoServer = request.getfixturevalue("mongo_server")
        url = f"mongodb://127.0.0.1:{mongo.port}/f{uuid4().hex[:12]}"
    with closing(open_storage(url)) as storage:
        yield storage


def _end_all(storage: Storage) -> None:
    """Let all that is kept have ended long ago."""
    if isinstance(storage, SQLiteStorage):
        storage.database.write(lambda db: db.execute("UPDATE attempts SET ends = 1"))
        storage.database.write(lambda db: db.execute("UPDATE hits SET ends = 1"))
        return
    assert isinstance(storage, MongoStorage)
    with storage.server.database() as database:
        for name in (ATTEMPTS, HITS):
            database[name].update_many({}, {"$set": {"ends": 1.0}})


def _count(storage: Storage, what: str) -> int:
    if isinstance(storage, SQLiteStorage):
        with storage.database.reading() as db:
            (count,) = db.execute(f"SELECT count(*) FROM {what}").fetchone()
            return int(count)
    assert isinstance(storage, MongoStorage)
    with storage.server.database() as database:
        return database[{"attempts": ATTEMPTS, "hits": HITS}[what]].count_documents({})


def test_attempts_that_ended_together_are_forgotten_little_by_little(storage: Storage) -> None:
    """A key that comes again begins anew, also while its old row is still there."""
    for number in range(MANY):
        storage.attempt(f"k{number}", b"old", b"old", lease=5, keep=60)
    _end_all(storage)
    for count in (MANY - MOST + 1, MANY - 2 * MOST + 2):
        attempt = storage.attempt(f"new{count}", b"new", b"new", lease=5, keep=60)
        assert attempt.ours
        assert _count(storage, "attempts") >= count
    attempt = storage.attempt(f"k{MANY - 1}", b"again", b"again", lease=5, keep=60)
    assert (attempt.digest, attempt.plan, attempt.ours) == (b"again", b"again", True)
    storage.attempt("another", b"new", b"new", lease=5, keep=60)
    assert _count(storage, "attempts") <= 4 + MOST // 2


def test_hits_that_ended_together_are_forgotten_little_by_little(storage: Storage) -> None:
    """A key that comes again counts from one."""
    for number in range(MANY):
        storage.hit(f"k{number}", 60)
    _end_all(storage)
    storage.hit("new", 60)
    assert _count(storage, "hits") >= MANY - MOST + 1
    assert storage.hit(f"k{MANY - 1}", 60) == 1
    assert storage.hit(f"k{MANY - 1}", 60) == 2


def test_keys_of_jobs_that_ended_together_are_forgotten_little_by_little(tmp_path: Path) -> None:
    """A key that comes again stands for the new job."""
    with closing(open_queue(f"sqlite:///{tmp_path}/jobs.db")) as queue:
        assert isinstance(queue, SQLQueue)
        for number in range(MANY):
            queue.send(QueuedJob(path="/a", id=f"old{number}"), f"k{number}")
        tables: Any = queue._tables
        tables.write(lambda db: db.execute("UPDATE job_keys SET ends = 1"))
        queue.send(QueuedJob(path="/a", id="new"), "new")

        def count(db: Any) -> int:
            return int(db.execute("SELECT count(*) FROM job_keys").fetchone()[0])

        assert tables.write(count) == MANY - MOST + 1
        assert queue.send(QueuedJob(path="/a", id="again"), f"k{MANY - 1}") == "again"
        assert queue.send(QueuedJob(path="/a", id="more"), f"k{MANY - 1}") == "again"


def test_departures_are_forgotten_little_by_little(tmp_path: Path) -> None:
    """Of ten items with a hundred readers each, who are all taken away."""
    with closing(open_storage(f"sqlite:///{tmp_path}/notes.db")) as storage:
        assert isinstance(storage, SQLiteStorage)
        stream = storage.records("notes", SIGHT)
        places = [_written(stream, _put(number, MAX_VALUES)) for number in range(10)]
        here = stream.changes(ChangesQuery(limit=9, viewer="3-7"))
        for number, place in enumerate(places):
            _written(stream, _put(number, 0, place))
        until = stream.head().position
        number = 1  # of the only stream
        storage.database.write(lambda db: raise_horizon(db, number, until))
        forgotten = [
            storage.database.write(lambda db: forget_departures(db, number, until))
            for _ in range(3)
        ]
        assert forgotten == [ROWS_AT_ONCE, 10 * MAX_VALUES - ROWS_AT_ONCE, 0]
        with storage.database.reading() as db:
            kept = db.execute("SELECT count(*), count(DISTINCT viewer) FROM horizons").fetchone()
        assert kept == (10 * MAX_VALUES, 10 * MAX_VALUES)
        assert stream.purge(until) == 0
        with pytest.raises(LostCursor):
            stream.changes(ChangesQuery(limit=9, after=here.position, era=here.era, viewer="3-7"))


def _put(number: int, readers: int, expected: int | None = None) -> Put:
    body = msgspec.json.encode({"readers": [f"{number}-{at}" for at in range(readers)]})
    token = uuid4().hex
    return Put(id=f"i{number}", created_at=1, body=body, token=token, expected=expected)


def _written(stream: Any, write: Put) -> int:
    (outcome,) = stream.write([write])
    assert isinstance(outcome, Written)
    return outcome.position
