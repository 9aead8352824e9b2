"""A stream to which nothing has been written: whoever reads it leaves nothing in the storage."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.storage import Storage, open_storage
from brubeck.storage.mongo import MongoStorage
from brubeck.storage.redis import RedisStorage
from brubeck.storage.sqlite import SQLiteStorage
from brubeck.streams import StreamHandler
from brubeck.testing import Client
from tests.streams.people import SSE, Entry, Known, World

SHAPES = ("application/x-ndjson", "text/csv", "text/html", "application/atom+xml")
READS: tuple[tuple[str, str, dict[str, str]], ...] = (
    *(("GET", rest, {}) for rest in ("", "?total=true", "?mood=good", "/x", "/x,y")),
    *(("GET", rest, {}) for rest in ("/changes", "/changes?after=now", "/changes?mood=good")),
    *(("GET", rest, {}) for rest in ("/changes?after=0~0", "/changes?after=99", "/changes?wait=0")),
    *(("HEAD", rest, {}) for rest in ("", "/x", "/changes")),
    *(("GET", "", {"Accept": shape}) for shape in SHAPES),
    ("GET", "/changes", SSE),
    ("OPTIONS", "", {}),
)


def contents(storage: Storage) -> object:
    """Return everything that a storage holds."""
    if isinstance(storage, RedisStorage):
        with storage.server.commands() as client:
            return {key: client.dump(key) for key in client.scan_iter()}
    if isinstance(storage, MongoStorage):
        with storage.server.database() as database:
            names = sorted(database.list_collection_names())
            return {name: list(database[name].find()) for name in names}
    if isinstance(storage, SQLiteStorage):
        with closing(sqlite3.connect(storage.database.path)) as db:
            return list(db.iterdump())
    return storage.streams()


def read(ask: Callable[..., Any], method: str, rest: str, headers: dict[str, str]) -> None:
    """Ask, and read what comes; of a feed, until it has caught up."""
    reply = ask(method, rest, headers=headers)
    assert reply.status < 500
    for chunk in reply.chunks():
        if b"event: checkpoint" in chunk or b"event: reset" in chunk:
            break
    reply.close()


@pytest.fixture(params=("memory", "sqlite", "redis", "mongodb"))
def empty_storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Yield a storage that holds nothing: all that it holds is looked at again and again."""
    url = "memory://"
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/streams.db"
    elif request.param == "redis":
        server = request.getfixturevalue("redis_server")
        url = f"{server.url.rpartition('/')[0]}/9"
    elif request.param == "mongodb":
        url = f"mongodb://127.0.0.1:{request.getfixturevalue('mongo_server').port}/{uuid4().hex}"
    storage = open_storage(url)
    if isinstance(storage, RedisStorage):
        with storage.server.commands() as client:
            client.flushdb()
    yield storage
    storage.close()


@pytest.mark.parametrize("owned", [False, True])
def test_reading_leaves_nothing(empty_storage: Storage, owned: bool) -> None:
    """By any method, URL and shape, and by a viewer, too; and then the first write works."""
    base = (Known if owned else StreamHandler,)
    path = f"/{uuid4().hex[:8]}/<part>/entries"
    declared: dict[str, Any] = {"model": Entry, "path": path, "filters": ("mood",)}
    if owned:
        declared |= {"owned": True, "rights": {"ann": frozenset()}}
    stream = type("Entries", base, declared)
    app = Brubeck(streams=[stream], storage={"default": empty_storage})
    client = Client(app, {"X-Name": "ann"})
    at = path.replace("<part>", "nobody")

    def ask(method: str, rest: str, **options: Any) -> Any:
        return client.request(method, f"{at}{rest}", **options)

    app.stream(stream).records("other").head()  # an SQLite file gets its tables when it is opened
    before = contents(empty_storage)
    for method, rest, headers in READS:
        read(ask, method, rest, headers)
        assert contents(empty_storage) == before, f"{method} {rest} {headers} has written"
    app.stream(stream).sweep()
    app.stream(stream).records("nobody").purge(10**15)
    assert contents(empty_storage) == before
    assert app.stream(stream).partitions() == []
    assert client.post(at, json={"mood": "good"}).status == 201
    assert [each["mood"] for each in client.get(f"{at}?mood=good").json()["data"]] == ["good"]
    assert app.stream(stream).partitions() == ["nobody"]


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_who_follows_before_the_first_write_sees_it(any_storage: Storage, name: str) -> None:
    """By a look, by a long poll and by a feed that began before; as the owner and as a reader."""
    world = World(any_storage)
    page = world.ask(name, "GET").json()["paging"]["changes"].removeprefix(world.path)
    now = world.ask(name, "GET", "/changes?after=now").json()["paging"]["next"]
    now = now.removeprefix(world.path)
    feed = world.ask(name, "GET", "/changes", headers=SSE).chunks()
    for chunk in feed:
        if b"event: checkpoint" in chunk:
            break
    found: list[str] = []

    def poll() -> None:
        reply = world.ask(name, "GET", f"{now}&wait=30")
        assert reply.status == 200, reply.text
        found.extend(each["id"] for each in reply.json()["data"])

    waiting = threading.Thread(target=poll)
    waiting.start()
    made = world.write("ann", text="first", readers=["bob"])
    waiting.join(30)
    assert found == [made["id"]]
    assert world.changes(name, page) == {made["id"]: "put"}
    assert any(b"event: put" in chunk for chunk in feed)
    made_later = world.write("ann", text="second", readers=["bob"])
    stream = world.app.stream(world.stream).records()
    world.ask("ann", "DELETE", f"/{made_later['id']}")
    stream.purge(stream.head().position)
    assert world.changes(name, page) == {made["id"]: "put"}, "it has seen nothing that was purged"
