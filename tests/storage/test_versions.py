"""Versions of items that were written before they were counted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest

from brubeck.storage import Put, Record, RecordStream, Written, open_storage
from brubeck.storage.schema import RecordSchema
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

SCHEMA = RecordSchema()


def _put(expected: int | None, token: str) -> Put:
    return Put(id="a", created_at=-5, body=b'{"text":"1 2 3"}', token=token, expected=expected)


def _versions_after(records: RecordStream) -> list[int]:
    """Return the version of the item as it is found, and after another write."""
    (found,) = records.get(["a"])
    assert isinstance(found, Record)
    assert (found.body, found.created_at) == (b'{"text":"1 2 3"}', -5)
    (outcome,) = records.write([_put(found.position, "second")])
    assert isinstance(outcome, Written)
    (after,) = records.get(["a"])
    assert isinstance(after, Record)
    assert after.position == outcome.position
    return [found.version, after.version]


@pytest.mark.parametrize("former", [1, 2])
def test_a_file_of_a_former_format_is_converted(tmp_path: Path, former: int) -> None:
    """Its items begin with version 1, and nothing of them is lost."""
    url = f"sqlite:///{tmp_path}/q.db"
    storage = open_storage(url)
    storage.records("quakes", SCHEMA).write([_put(None, "first")])
    storage.close()
    with sqlite3.connect(tmp_path / "q.db") as db:
        db.execute("ALTER TABLE items DROP COLUMN version")
        if former == 1:
            db.execute("DROP TABLE horizons")
        db.execute(f"PRAGMA user_version = {former}")
    db.close()

    storage = open_storage(url)
    assert _versions_after(storage.records("quakes", SCHEMA)) == [1, 2]
    storage.close()


def test_an_item_of_redis_without_a_version_begins_with_one(redis_server: RedisServer) -> None:
    """Its body may hold spaces and digits."""
    client = redis_server.client()
    storage = open_storage(redis_server.url)
    name = f"versions{uuid4().hex[:8]}"
    records = storage.records(name, SCHEMA)
    records.write([_put(None, "first")])
    (items,) = client.keys(f"*{name}*:items")
    text = client.hget(items, "a")
    assert isinstance(text, bytes)
    position, created_at, version, body = text.split(b" ", 3)
    assert version == b"1"
    client.hset(items, "a", b" ".join((position, created_at, body)))

    assert _versions_after(records) == [1, 2]
    storage.close()


def test_an_item_of_mongodb_without_a_version_begins_with_one(mongo_server: MongoServer) -> None:
    """That is how one looks that was written once."""
    storage = open_storage(f"mongodb://127.0.0.1:{mongo_server.port}/versions")
    records = storage.records("quakes", SCHEMA)
    records.write([_put(None, "first")])
    with mongo_server.client() as client:
        document = client["versions"]["quakes"].find_one({"_id": "a"})
    assert document is not None
    assert "version" not in document["_brubeck"]

    assert _versions_after(records) == [1, 2]
    storage.close()
