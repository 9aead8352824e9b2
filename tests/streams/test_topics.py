"""Broadcasts: one read and one encoding for all who wait, and nobody the worse for anybody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.http import FeedResponse, Headers, Request
from brubeck.http.proxies import Client as Caller
from brubeck.http.subscription import Group, Subscription
from brubeck.storage import Changes, ChangesQuery, RecordStream
from brubeck.storage.memory import MemoryRecordStream, MemoryStorage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams.topics import Topic, TopicSubscription
from brubeck.testing import Client
from tests.servers import wait_until
from tests.streams.people import World


class Notes(StreamHandler):
    """Notes."""

    model = StreamedDocument
    path = "/notes"


class Ear:
    """A reader over a connection that shares: takes what it is given as long as it has room."""

    group: Group | None = None

    def __init__(self, app: Brubeck, room: int = 1 << 30, name: str = "") -> None:
        sent = Headers({"Accept": "text/event-stream", "Host": "x", "X-Name": name})
        caller = Caller("127.0.0.1", "http", "x")
        self.request = Request("GET", "/notes/changes", sent, client=caller)
        self.request.may_subscribe = True
        response = app.respond(self.request)
        assert isinstance(response, FeedResponse)
        self._chunks = iter(response.parts)
        self.room = room
        self.heard = b""
        self.released = threading.Event()

    def receive(self, data: bytes) -> bool:
        """Take it, though there may be no room for more."""
        self.heard += data
        self.room -= len(data)
        return self.room > 0

    def release(self) -> None:
        """Note that it has to go on alone."""
        self.released.set()

    def listen(self) -> bool:
        """Hear what is said to it alone, until it may join others or it is over; tell which."""
        self.released.clear()
        for chunk in self._chunks:
            if not isinstance(chunk, Subscription):
                self.heard += chunk
            elif chunk.join(self):
                self.subscription = chunk
                return True
        return False

    @property
    def ids(self) -> list[str]:
        """The ids that were heard, in order."""
        return [
            line.split('"id":"')[1].split('"')[0]
            for line in self.heard.decode().splitlines()
            if '"op":"put"' in line
        ]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Brubeck]:
    """Make a program with one stream in memory, whose readers are looked after often."""
    monkeypatch.setattr("brubeck.streams.following.RECHECK_SECONDS", 0.02)
    storage = MemoryStorage()
    yield Brubeck(streams=[Notes], storage=storage)
    storage.close()


def post(app: Brubeck, *ids: str) -> None:
    """Create items."""
    assert Client(app).post("/notes", json=[{"id": each} for each in ids]).status == 201


def test_many_share_one_read(app: Brubeck, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many listen, the storage is asked as if it were one."""
    ears = [Ear(app) for _ in range(50)]
    assert all(ear.listen() for ear in ears)
    shown: list[int] = []
    changes = MemoryRecordStream.changes

    def counted(queryset: MemoryRecordStream, query: Any) -> Any:
        found = changes(queryset, query)
        shown.append(len(found.changes))
        return found

    monkeypatch.setattr(MemoryRecordStream, "changes", counted)
    post(app, "a", "b")
    wait_until(lambda: all(ear.ids == ["a", "b"] for ear in ears))
    assert sum(shown) == 2
    assert not any(ear.released.is_set() for ear in ears)


class Counted:
    """The records of a stream, which count how often they are asked."""

    def __init__(self, records: RecordStream) -> None:
        self.asked = self.waited = 0
        self._records = records

    def changes(self, query: ChangesQuery) -> Changes:
        """Take a step."""
        self.asked += 1
        return self._records.changes(query)

    def wait(self, after: int, seconds: float) -> bool:
        """Wait for a change."""
        self.waited += 1
        return self._records.wait(after, seconds)


def test_a_topic_that_stands_still_asks_the_storage_for_nothing(app: Brubeck) -> None:
    """Thousands of them, each of a partition of its own, asked for a step every two seconds."""
    records: Any = Counted(app.stream(Notes).opened(""))
    query, frame = ChangesQuery(limit=10), lambda found: f"{found.position}".encode()
    topic = Topic(lambda: records, query, frame, frame, (0.01, 3600))
    ear = Ear(app)
    subscription = TopicSubscription(topic, records.changes(query))
    assert subscription.join(ear)
    wait_until(lambda: records.waited > 30)
    assert records.asked == 1  # by this test
    post(app, "a")
    wait_until(lambda: ear.heard)
    subscription.leave()


class Row:
    """Ears that are reached together."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def send(self, receivers: Sequence[Any], data: bytes) -> list[Ear]:
        """Let all of them hear."""
        self.told.append(len(receivers))
        return [ear for ear in receivers if not ear.receive(data)]


def test_those_who_are_reached_together_are_told_together(app: Brubeck) -> None:
    """Once for all of them; and each who could not take it goes on alone."""
    row = Row()
    ears = [Ear(app) for _ in range(5)] + [Ear(app, room=1)]
    for ear in ears:
        ear.group = row
        assert ear.listen()
    alone = Ear(app)
    assert alone.listen()
    post(app, "a")
    wait_until(lambda: all(ear.ids == ["a"] for ear in (alone, *ears)))
    assert row.told == [6]
    assert ears[-1].released.wait(10)
    assert not any(ear.released.is_set() for ear in ears[:-1])


def test_who_cannot_take_it_goes_on_alone(app: Brubeck) -> None:
    """From its own place, and among the others again when it has come to where they are."""
    quick, slow = Ear(app), Ear(app, room=1)
    assert quick.listen()
    assert slow.listen()
    post(app, "a")
    assert slow.released.wait(10)
    wait_until(lambda: quick.ids == ["a"])
    post(app, "b")
    post(app, "c")
    wait_until(lambda: quick.ids == ["a", "b", "c"])
    assert slow.ids == ["a"]
    slow.room = 1 << 30
    assert slow.listen()
    assert slow.ids == ["a", "b", "c"]
    post(app, "d")
    wait_until(lambda: quick.ids == slow.ids == ["a", "b", "c", "d"])


def test_who_leaves_is_told_nothing_more(app: Brubeck) -> None:
    """And is not released by it: whoever made it leave knows."""
    stays, leaves = Ear(app), Ear(app)
    assert stays.listen()
    assert leaves.listen()
    leaves.subscription.leave()
    leaves.subscription.leave()
    post(app, "a")
    wait_until(lambda: stays.ids == ["a"])
    assert leaves.ids == []
    assert not leaves.released.is_set()


def test_a_lost_place_is_told_to_each(app: Brubeck) -> None:
    """Each is released, and hears that it has to start over."""
    post(app, "first")  # before it, there is no place to lose
    ears = [Ear(app) for _ in range(3)]
    assert all(ear.listen() for ear in ears)
    app.store().new_era()
    for ear in ears:
        assert ear.released.wait(10)
        assert not ear.listen()
        assert b"event: reset" in ear.heard


def test_readers_who_ask_for_something_else_are_elsewhere(app: Brubeck) -> None:
    """Another filter, or other fields, is another broadcast; late ones join who is there."""
    early = Ear(app)
    assert early.listen()
    post(app, "a")
    wait_until(lambda: early.ids == ["a"])
    late = Ear(app)
    assert late.listen()
    assert late.ids == ["a"]
    post(app, "b")
    wait_until(lambda: early.ids == late.ids == ["a", "b"])


def test_whoever_has_to_be_admitted_listens_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rights are asked for every few seconds, and may be others than its neighbour's."""
    for name in (
        "RECHECK_SECONDS",
        "CHECKPOINT_SECONDS",
    ):  # it is asked whether it stays when it is told anything
        monkeypatch.setattr(f"brubeck.streams.following.{name}", 0.02)
    world = World(MemoryStorage(), path="/notes")
    world.write("ann", text="x")
    ear = Ear(world.app, name="ann")
    heard: list[bool] = []
    ear.request.is_wanted = lambda: not ear.ids
    heard.append(ear.listen())
    assert heard == [False]
    assert len(ear.ids) == 1
