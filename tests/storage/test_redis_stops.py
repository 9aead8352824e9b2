"""No command stops a Redis for long: whatever is written or asked, others are served meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.resources import files
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.storage import (
    ChangesQuery,
    Delete,
    FieldCondition,
    FieldInfo,
    PageQuery,
    Put,
    RecordSchema,
    RecordStream,
    Unavailable,
    Written,
)
from brubeck.storage.redis import RedisStorage
from brubeck.storage.schema import MAX_VALUES
from tests.servers import wait_until
from tests.servers.redis import RedisServer
from tests.soak import often

LONGEST = 30.0
"""Milliseconds that one command may take here: 10 on a quiet machine, and three times that where
others use it. What is not linear takes hundreds; on a quiet machine most take 3 to 8."""
DISTURBED = 5
"""How many commands may take longer, since others use the machine, too: five times as long."""
TRIES = 15
"""How often it is tried whether what can be done again stops a Redis."""
LISTS = tuple("abcde")
SCHEMA = RecordSchema(
    {
        **{name: FieldInfo("list", True, "string", equality=True) for name in LISTS},
        "depth": FieldInfo("number", True),
        "readers": FieldInfo("list", item_kind="string"),
    },
    sight=("readers",),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield a Redis that notes how long each command takes."""
    options = ("--slowlog-log-slower-than", "1000", "--slowlog-max-len", "100000")
    server = RedisServer(tmp_path_factory.mktemp("stops"), *options)
    server.run()
    yield server
    server.stop()


@pytest.fixture
def stream(server: RedisServer) -> Iterator[RecordStream]:
    """Yield a stream of an empty Redis."""
    with server.client() as client:
        client.flushall()
    storage = RedisStorage(server.url)
    stream = storage.records("items", SCHEMA)
    stream.head()
    yield stream
    storage.close()


class Stops:
    """How long a Redis stopped for, command by command, since the last look."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        with server.client() as client:
            client.slowlog_reset()

    def check(self) -> None:
        """Fail where a script has stopped the server for longer than it may."""
        longest = self._longest()
        assert max(longest, default=0) < 5 * LONGEST
        assert max(longest[DISTURBED:], default=0) < LONGEST

    def check_any(self, action: Callable[[], object]) -> None:
        """Do the same thing several times, and fail where one of its commands never was short.

        A command that others hold up takes long once, and one that does too much each time.
        """
        shortest: list[float] = []
        for _ in range(TRIES):
            action()
            found = self._scripts()
            alike = len(found) == len(shortest)
            shortest = list(map(min, shortest, found)) if alike else found
            if max(shortest, default=0) < LONGEST:
                return
        raise AssertionError(f"it stops a Redis for {max(shortest)} ms each time")

    def _longest(self) -> list[float]:
        """Return the milliseconds of each script since the last look, the longest first."""
        return sorted(self._scripts(), reverse=True)

    def _scripts(self) -> list[float]:
        """Return the milliseconds of each script since the last look, the latest first."""
        with self._server.client() as client:
            found: list[dict[str, Any]] = client.slowlog_get(100_000)
            client.slowlog_reset()
        ours = [each["duration"] for each in found if each["command"].startswith(b"EVAL")]
        return [duration / 1000 for duration in ours]


def _item(number: int, salt: str, count: int = MAX_VALUES) -> dict[str, Any]:
    lists = {name: [f"{salt}{name}{at}-{number}" for at in range(count)] for name in LISTS}
    return {"id": f"i{number}", "depth": number, **lists}


def _put(item: dict[str, Any], expected: int | None = None) -> Put:
    body = msgspec.json.encode(item)
    number = item["depth"]
    return Put(id=item["id"], created_at=number, body=body, token=uuid4().hex, expected=expected)


def _positions(outcomes: Any) -> list[int]:
    assert all(isinstance(each, Written) for each in outcomes)
    return [each.position for each in outcomes]


def test_no_write_stops_a_redis(server: RedisServer, stream: RecordStream) -> None:
    """As many values as an item may have, in a batch, created, replaced and deleted."""
    stops = Stops(server)
    items = range(250)
    made = _positions(stream.write([_put(_item(n, "x")) for n in items]))
    stops.check()
    again = [_put(_item(n, "y"), made[n]) for n in items]
    _positions(stream.write(again))
    stops.check()
    _positions(stream.write([Delete(id=f"i{n}", token=f"d{n}") for n in items]))
    stops.check()


def test_no_change_of_readers_stops_a_redis(server: RedisServer, stream: RecordStream) -> None:
    """Every reader is replaced by another: each has two orders, and a departure."""
    stops = Stops(server)

    def shared(number: int, salt: str) -> dict[str, Any]:
        readers = [f"{salt}{at}" for at in range(MAX_VALUES)]
        return {"id": f"i{number}", "depth": number, "readers": readers}

    made = _positions(stream.write([_put(shared(n, "x")) for n in range(100)]))
    _positions(stream.write([_put(shared(n, "y"), made[n]) for n in range(100)]))
    stops.check()


def test_large_bodies_stop_no_redis(server: RedisServer, stream: RecordStream) -> None:
    """A batch is bounded by its bytes, too."""
    stops = Stops(server)
    bodies = [{"id": f"i{n}", "depth": n, "text": "x" * (1 << 20 - 1)} for n in range(60)]
    _positions(stream.write([_put(each) for each in bodies]))
    stream.changes(ChangesQuery(limit=60))
    stops.check()


ITEMS = {8: 300, 4000: 100}
"""How many items there are, by the length of their texts: the longest are 400 kB each."""


@pytest.mark.parametrize("length", ITEMS)
def test_no_filter_stops_a_redis(server: RedisServer, stream: RecordStream, length: int) -> None:
    """As many values as a filter may have, none of which is there; and long texts alike."""
    long = "z" * length
    stream.write([_put(_item(n, long, 20)) for n in range(often(ITEMS[length], 300))])
    many = tuple(f"{long}nowhere{n}" for n in range(50))
    few = tuple(f"{long}a{n}-{n}" for n in range(16))
    stops = Stops(server)
    for where in (
        (FieldCondition("a", "in", many),),
        (
            FieldCondition("a", "in", few),
            FieldCondition("b", "in", many),
            FieldCondition("depth", "lt", -1),
        ),
        tuple(FieldCondition(name, "in", many) for name in LISTS),
        (FieldCondition("a", "gt", f"{long}~"),),
    ):
        stops.check_any(partial(_read_all, stream, where))


def _read_all(stream: RecordStream, where: tuple[FieldCondition, ...]) -> None:
    page = stream.page(PageQuery(limit=100, where=where))
    while page.stopped is not None:
        page = stream.page(PageQuery(limit=100, where=where, start=page.stopped))
    stream.count(PageQuery(limit=1000, where=where))
    changes = stream.changes(ChangesQuery(limit=100, where=where))
    while not changes.caught_up:
        changes = stream.changes(ChangesQuery(limit=100, where=where, after=changes.position))


def test_no_building_of_an_index_stops_a_redis(server: RedisServer) -> None:
    """Of lists that are older than their index, and so longer than they might be now."""
    with server.client() as client:
        client.flushall()
    storage = RedisStorage(server.url)
    plain = storage.records("items", RecordSchema({name: FieldInfo("list") for name in LISTS}))
    plain.write([_put(_item(n, "x", 4 * MAX_VALUES)) for n in range(100)])
    stops = Stops(server)
    storage.close()
    storage = RedisStorage(server.url)
    stream = storage.records("items", SCHEMA)
    found: list[str] = []

    def indexed() -> bool:
        with suppress(Unavailable):
            page = stream.page(PageQuery(limit=9, where=(FieldCondition("a", "eq", "xa7-7"),)))
            found.extend(each.id for each in page.records)
        return bool(found)

    wait_until(indexed, seconds=60)
    assert found == ["i7"]
    stops.check()
    storage.close()


_texts = st.text(st.sampled_from("ab\u00e9\ud7ff"), max_size=40)


@given(_texts, _texts, _texts)
def test_texts_are_compared_by_their_bytes(
    server: RedisServer, before: str, one: str, other: str
) -> None:
    """Also long ones that begin alike, of which the first difference is searched for."""
    shared = (files("brubeck.storage.redis") / "lua" / "stream.lua").read_text()
    a, b = (before + one).encode(), (before + other).encode()
    with server.client() as client:
        script = f"{shared}\nreturn less(ARGV[1], ARGV[2]) and 1 or 0"
        assert bool(client.eval(script, 1, "key", a, b)) == (a < b)
