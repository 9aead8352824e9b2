"""Two worlds, one viewer: in one of them others write, purge and have clocks that are ahead.

Whatever the viewer asks for, at any position that it makes up, both worlds answer the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brubeck.storage import Delete, Put, RecordStream, Storage, Written, open_storage
from brubeck.testing import Reply
from brubeck.timekeeping import HeldClock
from tests.soak import often
from tests.streams.people import SSE, World

START = 1_700_000_000_000_000
SECOND = 1_000_000
HOUR = 3600 * SECOND
ERA = "e1"
MAKERS = (
    *("memory.storage", "sqlite.database", "redis.record_stream", "mongo.finalizing"),
    *("mongo.storage", "redis.storage", "sqlite.storage"),
)

Scene = Callable[["Side"], None]


class Side:
    """One of the two worlds."""

    def __init__(self, storage: Storage, clock: HeldClock, path: str) -> None:
        self.clock = clock
        self.world = World(storage, path=path)
        self.world.app.clock = clock
        self.own: list[int] = []
        self.others: list[int] = []

    @property
    def stream(self) -> RecordStream:
        """The stream in its storage."""
        return self.world.app.stream(self.world.stream).records()

    def put(self, item_id: str, expected: int | None = None, **values: Any) -> int:
        """Write an item, and return its position."""
        item = {"id": item_id, "created_at": START // 1000, "updated_at": START // 1000, **values}
        body = msgspec.json.encode(item)
        return self._write(
            Put(
                id=item_id,
                created_at=START // 1000,
                body=body,
                token=uuid4().hex,
                expected=expected,
            )
        )

    def delete(self, item_id: str) -> int:
        """Delete an item, and return its position."""
        return self._write(Delete(id=item_id, token=uuid4().hex))

    def _write(self, write: Put | Delete) -> int:
        (outcome,) = self.stream.write([write])
        assert isinstance(outcome, Written)
        return outcome.position

    def ask(self, rest: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Return all that ann is answered; of a feed, what comes until it has caught up."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = self.world.ask("ann", "GET", rest, headers=named)
        return reply.status, _body(reply), dict(reply.headers.items())


def _body(reply: Reply) -> bytes:
    body = b""
    for chunk in reply.chunks():
        body += chunk
        if b"event: checkpoint" in body or b"event: reset" in body:
            break
    reply.close()
    return body


def live(side: Side) -> None:
    """Let ann have an item, and be shown another."""
    side.own += [side.put("a1", owner_id="ann", mood="good")]
    side.clock.advance(SECOND // 3)
    side.own += [side.put("a2", owner_id="bob", readers=["ann"], mood="bad")]


def lost(side: Side) -> None:
    """Let one item leave ann's sight and another be deleted, and both be forgotten."""
    live(side)
    side.own += [side.put("a2", side.own[-1], owner_id="bob", mood="bad")]
    side.own += [side.put("a3", owner_id="ann")]
    side.clock.advance(5)
    side.own += [side.delete("a3")]
    side.stream.purge(side.own[-1])


def left(side: Side) -> None:
    """Let the same happen, and be kept."""
    live(side)
    side.own += [side.put("a2", side.own[-1], owner_id="bob", mood="bad")]
    side.own += [side.put("a3", owner_id="ann"), side.delete("a3")]


def write(side: Side) -> None:
    """Write and delete what is not ann's."""
    side.others += [side.put(f"b{number}", owner_id="bob", mood="good") for number in range(3)]
    side.others += [side.delete("b1")]


def purge(side: Side) -> None:
    """Write, and forget all deletions that are not ann's."""
    write(side)
    for each in side.world.ask("bob", "GET").json()["data"]:
        if each["id"].startswith("b"):
            side.others += [side.delete(each["id"])]
    side.stream.purge(side.others[-1])


def ahead(*micros: int) -> Scene:
    """Return a scene in which others' clocks are ahead, and all of them read, too."""

    def scene(side: Side) -> None:
        for number, each in enumerate(micros):
            side.clock.advance(each)
            side.others += [side.put(f"c{number}", owner_id="bob")]
            side.world.ask("bob", "GET")
            side.world.ask("eve", "GET", "/changes")
            side.clock.advance(-each)

    return scene


@pytest.fixture(params=("memory", "sqlite", "redis", "mongodb"))
def kind(request: pytest.FixtureRequest) -> str:
    """Return which storage the worlds are in."""
    return str(request.param)


@pytest.fixture
def sides(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Side, Side]]:
    """Make two worlds that differ in nothing, each with a storage of its own."""
    for maker in MAKERS:
        monkeypatch.setattr(f"brubeck.storage.{maker}.fresh_era", lambda: ERA)
    path, made, storages = f"/j{uuid4().hex[:8]}", [], []
    for number in (1, 2):
        url = "memory://"
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path}/{number}.db"
        elif kind == "redis":
            server = request.getfixturevalue("redis_server")
            url = f"{server.url.rpartition('/')[0]}/{number}"
        elif kind == "mongodb":
            url = f"mongodb://127.0.0.1:{request.getfixturevalue('mongo_server').port}/w{number}"
        clock = HeldClock(START)
        storages.append(open_storage(url, clock=clock))
        made.append(Side(storages[-1], clock, path))
    yield made[0], made[1]
    for storage in storages:
        storage.close()


OTHERS = {
    "write": (write,),
    "purge": (purge,),
    "a little ahead": (ahead(SECOND // 2, SECOND, 2 * SECOND),),
    "far ahead": (write, ahead(10 * SECOND, 3 * HOUR)),
    "all": (purge, ahead(7 * SECOND), write),
}


def made_up(loud: Side, silent: Side) -> st.SearchStrategy[int]:
    """Return positions near to all that might make a difference, and any others."""
    now, head = silent.clock.micros(), loud.stream.head()
    near = [0, now, now - now % SECOND, now + HOUR, now - 366 * 86_400 * SECOND]
    near += [*silent.own, *loud.others, head.horizon, head.floor]
    return st.one_of(
        st.builds(lambda at, by: max(0, at + by), st.sampled_from(near), st.integers(-2, 2)),
        st.integers(0, 10**16 - 1),
    )


EXAMPLES = {"memory": 12, "sqlite": 12, "redis": 12, "mongodb": 4}
"""How many positions are made up in each scene; a MongoDB takes a tenth of a second for one."""
PAIRS = {
    f"{own.__name__}, {name}": (own, others)
    for own in (live, left, lost)
    for name, others in OTHERS.items()
    if not (own is left and purge in others)  # that would be a purge of ann's own deletions
}


@pytest.mark.parametrize(("own", "others"), PAIRS.values(), ids=PAIRS)
def test_no_position_tells_a_viewer_what_others_did(
    sides: tuple[Side, Side], kind: str, own: Scene, others: tuple[Scene, ...]
) -> None:
    """Status, headers and body are those of a world in which nobody else is."""
    loud, silent = sides
    for side in sides:
        own(side)
    for scene in others:
        scene(loud)
    positions = made_up(loud, silent)
    eras = st.sampled_from(["", f"~{ERA}", "~other"])

    @settings(
        deadline=None,
        max_examples=often(EXAMPLES[kind], 100),
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(positions, eras, st.one_of(st.none(), positions), st.integers(0, 2 * SECOND))
    def answers_are_the_same(at: int, era: str, began: int | None, later: int) -> None:
        cursor = f"{at}{era}" + (f"~{began}" if era and began is not None else "")
        for side in sides:
            side.clock.advance(later)
        for rest in (
            f"/changes?after={cursor}",
            f"/changes?after={cursor}&mood=good&limit=1",
            f"?since=0&total=true&mood=good&after={at // 1000 % 10**14}",
        ):
            assert loud.ask(rest) == silent.ask(rest)
        feed = {**SSE, "Last-Event-ID": cursor}
        assert loud.ask("/changes", **feed) == silent.ask("/changes", **feed)
        for side in sides:
            side.clock.advance(-later)

    answers_are_the_same()
    loud.clock.advance(2 * SECOND)
    silent.clock.advance(2 * SECOND)
    for rest in ("", "?total=true", "/changes", "/changes?after=now", "/b0", "/b1", "/a2", "/a3"):
        assert loud.ask(rest) == silent.ask(rest)
    for shape in ("application/x-ndjson", "text/csv", "text/html", "application/atom+xml"):
        assert loud.ask("", Accept=shape) == silent.ask("", Accept=shape)
