"""A storage that loses its data under a running program: it goes on, and says what is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from brubeck.storage import (
    ChangesQuery,
    FieldCondition,
    LostCursor,
    PageQuery,
    RecordStream,
    Storage,
    Unavailable,
    Written,
    open_storage,
)
from brubeck.storage.conformance.machine import SCHEMA, put_new
from tests.servers import wait_until
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

Lose = Callable[[], None]


@pytest.fixture(params=["flushed", "restarted", "dropped", "deleted"])
def lost(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Lose]]:
    """Yield the URL of a storage, and what loses its data."""
    if request.param == "dropped":
        mongo: MongoServer = request.getfixturevalue("mongo_server")
        name = f"l{uuid4().hex[:12]}"
        with mongo.client() as client:
            yield (
                f"mongodb://127.0.0.1:{mongo.port}/{name}",
                lambda: client.drop_database(name),
            )
        return
    if request.param == "deleted":
        path = tmp_path / "quakes.db"
        yield f"sqlite:///{path}", lambda: _delete(tmp_path)
        return
    server = RedisServer(tmp_path)
    server.run()

    def lose() -> None:
        if request.param == "restarted":
            server.kill()
            server.run()
        with server.client() as client:
            client.flushall()

    yield server.url, lose
    server.kill()


def _delete(folder: Path) -> None:
    for each in folder.glob("quakes.db*"):
        each.unlink()


def _ids(stream: RecordStream, query: PageQuery) -> list[str]:
    found: list[str] | None = None

    def complete() -> bool:
        nonlocal found
        with suppress(Unavailable):
            found = [each.id for each in stream.page(query).records]
        return found is not None

    wait_until(complete)
    assert found is not None
    return found


HERE = PageQuery(limit=9, where=(FieldCondition("network", "eq", "ci"),))
ANNS = PageQuery(limit=9, viewer="ann")


def _write(stream: RecordStream, item_id: str) -> None:
    """Write an item, as soon as the storage is back."""
    put = put_new(item_id, 1, network="ci", owner="ann")

    def written() -> bool:
        with suppress(Unavailable):
            (outcome,) = stream.write([put])
            assert isinstance(outcome, Written)
            return True
        return False

    wait_until(written)


def _follows(storage: Storage, stream: RecordStream, after: int, era: str) -> None:
    with pytest.raises(LostCursor):
        stream.changes(ChangesQuery(limit=9, after=after, era=era))
    assert storage.streams() == ["quakes"]


@pytest.mark.parametrize("first", ["write", "page"])
def test_what_is_written_after_a_loss_is_shown(lost: tuple[str, Lose], first: str) -> None:
    """By a filter, to its owner, and in the changes; a cursor of before is lost."""
    url, lose = lost
    with closing(open_storage(url)) as storage:
        stream = storage.records("quakes", SCHEMA)
        _write(stream, "old")
        assert _ids(stream, HERE) == _ids(stream, ANNS) == ["old"]
        head = stream.head()
        lose()
        if first == "page":
            assert _ids(stream, PageQuery(limit=9)) == []
            assert _ids(stream, HERE) == []
        _write(stream, "new")
        assert _ids(stream, PageQuery(limit=9)) == ["new"]
        assert _ids(stream, HERE) == ["new"]
        assert _ids(stream, ANNS) == ["new"]
        assert stream.count(HERE).total == 1
        _follows(storage, stream, head.position, head.era)
        with closing(open_storage(url)) as another:
            assert _ids(another.records("quakes", SCHEMA), HERE) == ["new"]
