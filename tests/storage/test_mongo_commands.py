"""How many commands an operation on a MongoDB takes: one more is felt by everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from brubeck.storage import (
    ChangesQuery,
    Delete,
    FieldCondition,
    FieldInfo,
    LostCursor,
    Outcome,
    PageQuery,
    Put,
    RecordSchema,
    RecordStream,
    TimelineCursor,
    Write,
    Written,
)
from brubeck.storage.conformance.base import START
from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.mongo import MongoStorage, client
from brubeck.timekeeping import HeldClock
from tests.servers.mongo import MongoServer, set_url

COMMANDS: Final = {
    "create": ["insert", "findAndModify", "update"],
    "create many": ["insert", "findAndModify", "update"],
    "create with an id before a deleted one": ["insert", "findAndModify", "find", "update"],
    "create where one is": ["insert", "find"],
    "update": ["findAndModify", "findAndModify", "update"],
    "update of another version": ["findAndModify", "find"],
    "delete": ["findAndModify", "findAndModify", "update", "update", "delete"],
    "delete, whatever is there": ["findAndModify", "findAndModify", "update", "update", "delete"],
    "new life": ["insert", "findAndModify", "find", "update", "delete"],
    "write again": ["findAndModify", "find", "update"],
    "get": ["find"],
    "get a deleted one": ["find", "find"],
    "head": ["find"],
    "page": ["aggregate"],
    "page from a place": ["aggregate"],
    "page by a value": ["find", "find"],
    "page by a bound": ["find", "find", "find"],
    "page of a viewer": ["find", "find", "find"],
    "change page": ["aggregate"],
    "change page by a value": ["aggregate"],
    "change page at the end": ["aggregate"],
}
"""The commands of each operation where nobody else writes."""


class Recorder(CommandListener):
    """Records the names of the commands that a client sends."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: Any) -> None:
        """Record a command."""
        self.names.append(event.command_name)

    def succeeded(self, event: Any) -> None:
        """Record nothing."""

    def failed(self, event: Any) -> None:
        """Record nothing."""


@pytest.fixture(params=["alone", "set"])
def url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new database in a standalone server, and in a replica set."""
    name = f"t{uuid4().hex[:12]}"
    if request.param == "set":
        members: list[MongoServer] = request.getfixturevalue("mongo_members")
        return set_url(members, name)
    server: MongoServer = request.getfixturevalue("mongo_server")
    return f"mongodb://127.0.0.1:{server.port}/{name}"


def test_each_operation_takes_its_commands_and_no_more(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a stream of which some items have been deleted."""
    recorder = Recorder()
    watched = partial(MongoClient, event_listeners=[recorder])
    monkeypatch.setattr(client, "MongoClient", watched)
    found = {}
    with closing(MongoStorage(url, clock=HeldClock(START))) as storage:
        for name, operation in _operations(storage.records("quakes", SCHEMA)):
            recorder.names.clear()
            operation()
            found[name] = list(recorder.names)
    assert found == COMMANDS


def test_a_cursor_that_is_unknown_here_is_confirmed_by_a_write(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new primary may not know yet that the stream was ever written to, and then says so."""
    recorder = Recorder()
    monkeypatch.setattr(client, "MongoClient", partial(MongoClient, event_listeners=[recorder]))
    with closing(MongoStorage(url, clock=HeldClock(START))) as storage:
        stream = storage.records("quakes", SCHEMA)
        with pytest.raises(LostCursor):
            stream.changes(ChangesQuery(limit=5, after=7, era="blue"))
    assert "update" in recorder.names


def test_the_missing_indexes_are_built_in_one_pass(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alone would have the server look at every item of the collection."""
    names = ("place", "network", "kind")
    with closing(MongoStorage(url)) as storage:
        storage.records("quakes", RecordSchema({})).write([put_new("a", 1)])
    recorder = Recorder()
    monkeypatch.setattr(client, "MongoClient", partial(MongoClient, event_listeners=[recorder]))
    schema = RecordSchema(
        {name: FieldInfo("string", indexed=True, equality=True) for name in names}
    )
    with closing(MongoStorage(url)) as storage:
        stream = storage.records("quakes", schema)
        stream.build_indexes()
        assert recorder.names.count("createIndexes") == 3  # two when it is opened
        with closing(MongoClient[dict[str, Any]](url)) as server:
            found = server.get_default_database()["quakes"].index_information()
    assert {each["key"][0][0] for each in found.values()} >= set(names)


def _operations(stream: RecordStream) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each operation by its name, after what it needs is done."""

    def write(*writes: Write) -> Sequence[Outcome]:
        return stream.write(writes)

    def read(**about: Any) -> object:
        return stream.page(PageQuery(limit=200, **about))

    def follow(**about: Any) -> object:
        return stream.changes(ChangesQuery(limit=200, **about))

    def standing(item_id: str) -> int:
        (outcome,) = write(put_new(item_id, 1, magnitude=1, owner="ann"))
        assert isinstance(outcome, Written)
        return outcome.position

    def changed(item_id: str, position: int) -> Put:
        return put_new(item_id, 1, magnitude=2, owner="ann", expected=position)

    by_value = (FieldCondition("magnitude", "eq", 2),)
    some = [put_new(f"m{number:03}", number, magnitude=2) for number in range(300)]
    write(*some)
    write(Delete(id="m200", token="gone"))
    yield "create", partial(write, put_new("n", 1, owner="ann"))
    yield "create many", partial(write, *(put_new(f"o{number}", 1) for number in range(9)))
    yield "create with an id before a deleted one", partial(write, put_new("a", 1))
    yield "create where one is", partial(write, put_new("n", 1))
    yield "update", partial(write, changed("p", standing("p")))
    yield "update of another version", partial(write, changed("p", 1))
    yield "delete", partial(write, Delete(id="q", token="q!", expected=standing("q")))
    yield "delete, whatever is there", partial(write, Delete(id="p", token="p!"))
    yield "new life", partial(write, put_new("p", 1))
    again = changed("r", standing("r"))
    write(again)
    yield "write again", partial(write, again)
    yield "get", partial(stream.get, ["n"])
    yield "get a deleted one", partial(stream.get, ["q"])
    yield "head", stream.head
    read(viewer="ann")  # the floor is kept, once a second
    follow()  # a server alone is asked to keep what it shows, once
    yield "page", read
    yield "page from a place", partial(read, start=TimelineCursor(250, "m250"))
    yield "page by a value", partial(read, where=by_value)
    yield "page by a bound", partial(read, where=(FieldCondition("magnitude", "gt", 1),))
    yield "page of a viewer", partial(read, viewer="ann")
    yield "change page", follow
    yield "change page by a value", partial(follow, where=by_value)
    yield "change page at the end", partial(follow, after=stream.head().position)
