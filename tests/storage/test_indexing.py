"""The set of indexes that lies in a storage: asked for, built, and looked at from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from brubeck.storage import FieldCondition, FieldInfo, PageQuery, RecordSchema, Storage, Unavailable
from brubeck.storage.conformance.machine import put_new
from brubeck.storage.indexing import IndexedRecordStream, IndexSet
from brubeck.storage.opening import open_storage
from tests.servers import wait_until
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

PLAIN = RecordSchema({"place": FieldInfo("string")})
FILTERED = RecordSchema({"place": FieldInfo("string", indexed=True, equality=True)})
Keeping = Callable[[IndexSet, IndexSet], bool]
HERE = PageQuery(limit=9, where=(FieldCondition("place", "eq", "here"),))


@pytest.fixture(params=["sqlite", "redis", "mongo"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty storage."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'quakes.db'}"
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        with redis.client() as client:
            client.flushall()
        return redis.url
    mongo: MongoServer = request.getfixturevalue("mongo_server")
    return f"mongodb://127.0.0.1:{mongo.port}/i{uuid4().hex[:12]}"


@pytest.fixture
def storages(url: str) -> Iterator[tuple[Storage, Storage]]:
    """Yield the same storage as two processes open it."""
    with closing(open_storage(url)) as one, closing(open_storage(url)) as other:
        yield one, other


def _opened(storage: Storage, schema: RecordSchema) -> IndexedRecordStream:
    stream = storage.records("quakes", schema)
    assert isinstance(stream, IndexedRecordStream)
    return stream


def _is_complete(stream: IndexedRecordStream) -> bool:
    try:
        stream.page(HERE)
    except Unavailable:
        return False
    return True


def _writing_before(keep: Keeping, write: Callable[[], object]) -> Keeping:
    """Return a keeping of the set of indexes, right before the first of which somebody writes."""
    left = [write]

    def keeping(old: IndexSet, new: IndexSet) -> bool:
        if left:
            left.pop()()
        return keep(old, new)

    return keeping


def test_an_item_that_comes_while_an_index_is_asked_for_is_in_it(
    storages: tuple[Storage, Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream was empty when the program with a filter looked, and is not when it asks."""
    old, new = (_opened(storages[0], PLAIN), _opened(storages[1], FILTERED))
    assert old.head().position == 0
    first = put_new("first", 1, place="here")
    keeping = _writing_before(new._keep_indexes, lambda: old.write([first]))
    monkeypatch.setattr(new, "_keep_indexes", keeping)
    new.write([put_new("second", 2, place="there")])
    wait_until(lambda: _is_complete(new), seconds=30)
    assert [each.id for each in new.page(HERE).records] == ["first"]


def test_what_is_unfinished_is_told_and_not_begun(storages: tuple[Storage, Storage]) -> None:
    """Looking is no asking: the set of indexes stays as it is."""
    old, new = (_opened(storages[0], PLAIN), _opened(storages[1], FILTERED))
    assert new.unfinished() == ()
    old.write([put_new("first", 1, place="here")])
    assert new.unfinished() == ("place",)
    assert new._read_indexes() == IndexSet()
    wait_until(lambda: _is_complete(new), seconds=30)
    assert new.unfinished() == ()
