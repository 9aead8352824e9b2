"""A build of an index that takes long: 503 meanwhile, everything else goes on, and it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.dictshield.fields import StringField
from brubeck.storage import Record
from brubeck.storage.redis.record_stream import RedisRecordStream
from brubeck.storage.sqlite import record_stream
from brubeck.storage.sqlite.streams import build_some
from brubeck.testing import Client
from tests.servers import wait_until
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer
from tests.test_check import PROGRAM, check

TIMEOUT = 0.5
FAILPOINT = "hangIndexBuildDuringCollectionScanPhaseBeforeInsertion"
PLAIN = PROGRAM.replace("filters = ('place',)", "")


class Note(StreamedDocument):
    """A note."""

    place = StringField()


def program(url: str, *filters: str) -> Brubeck:
    """Return a program over a storage, with these filters."""
    made = type("Notes", (StreamHandler,), {"model": Note, "path": "/notes", "filters": filters})
    return Brubeck(streams=[made], storage=url)


@contextmanager
def filled(url: str, count: int = 10) -> Iterator[Client]:
    """Yield a client of the program that has no filter yet."""
    app = program(url)
    client = Client(app)
    items = [{"id": f"n{number}", "place": "here"} for number in range(count)]
    for start in range(0, count, 1000):
        assert client.post("/notes", json=items[start : start + 1000]).status == 201
    yield client
    app.close()


@contextmanager
def hanging(client: MongoClient[dict[str, Any]], item: str) -> Iterator[None]:
    """Hold the build of any index before an item."""
    name = {"configureFailPoint": FAILPOINT}
    fields = {"data": {"fieldsToMatch": {"_id": item}}}
    client.admin.command(name | {"mode": "alwaysOn"} | fields)
    try:
        yield
    finally:
        client.admin.command(name | {"mode": "off"})


def builds(client: MongoClient[dict[str, Any]], database: str) -> list[Any]:
    """Return what the server is building."""
    found = client.admin.command({"currentOp": 1, "$all": True, "ns": f"{database}.notes"})
    return [each for each in found["inprog"] if each.get("msg", "").startswith("Index Build")]


def test_a_build_may_last_longer_than_the_timeout(
    mongo_members: list[MongoServer], tmp_path: Path
) -> None:
    """The filter waits for it and nothing else; nobody begins it twice; the check says how far."""
    (server,) = mongo_members
    database = f"b{uuid4().hex[:12]}"
    url = f"mongodb://127.0.0.1:{server.port}/{database}?replicaSet=rs0&timeout={TIMEOUT}s"
    with filled(url) as old, server.client() as admin:
        apps = [program(url, "place") for _ in range(2)]
        try:
            with hanging(admin, "n7"):
                start = time.monotonic()
                for client in map(Client, apps):
                    reply = client.get("/notes", params={"place": "here"})
                    assert reply.status == 503
                    assert "index of field 'place' is still being built" in reply.text
                    assert reply.headers["Retry-After"]
                wait_until(lambda: builds(admin, database), what="no build began")
                wait_until(lambda: time.monotonic() - start > 4 * TIMEOUT)
                for client in (old, *map(Client, apps)):
                    assert client.get("/notes").status == 200
                    assert client.post("/notes", json={"place": "there"}).status == 201
                    assert client.get("/notes/changes").status == 200
                for client in map(Client, apps):
                    assert client.get("/notes", params={"place": "here"}).status == 503
                assert len(builds(admin, database)) == 1
                _, lines = check(tmp_path, default=url)
                (said,) = [line for line in lines if "not complete yet" in line]
                assert "place (" in said
                assert " % built)" in said
                assert "(0 %" not in said
            for client in map(Client, apps):
                wait_until(partial(_answers, client), seconds=30, what="it was never complete")
                found = client.get("/notes", params={"place": "there"}).json()["data"]
                assert len(found) == 3
            _, lines = check(tmp_path, default=url)
            assert "fine  default: /notes: every index is complete" in lines
        finally:
            for app in apps:
                app.close()


def _answers(client: Client) -> bool:
    return client.get("/notes", params={"place": "here"}).status == 200


class Held(Exception):
    """A process ends in the middle of its build."""


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_check_says_how_far_a_build_is(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that another process began and did not finish; who comes next finishes it."""
    url = f"sqlite:///{tmp_path / 'notes.db'}"
    if kind == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        with redis.client() as client:
            client.flushall()
        url = redis.url
    with filled(url, 1000):
        with monkeypatch.context() as patch:
            _hold(patch, kind)
            first = program(url, "place")
            Client(first).get("/notes", params={"place": "here"})
            wait_until(lambda: "(50 % built)" in _said(tmp_path, url), seconds=20)
            first.close()
        second = program(url, "place")
        wait_until(lambda: _answers(Client(second)), seconds=20)
        assert "every index is complete" in _said(tmp_path, url)
        second.close()


def _said(folder: Path, url: str) -> str:
    return "\n".join(line for line in check(folder, default=url)[1] if "/notes: " in line)


def _hold(patch: pytest.MonkeyPatch, kind: str) -> None:
    """Let a process end in the middle of its build."""
    if kind == "sqlite":

        def some(db: Any, stream: int, indexes: Any, after: int, count: int) -> int | None:
            if after >= 500:
                raise Held
            return build_some(db, stream, indexes, after, 250)

        patch.setattr(record_stream, "build_some", some)
        return
    index = RedisRecordStream._index
    done: list[Record] = []

    def part(self: RedisRecordStream, indexes: Any, records: list[Record]) -> None:
        if len(done) >= 500:
            raise Held
        done.extend(records)
        index(self, indexes, records)

    patch.setattr(RedisRecordStream, "_index", part)
