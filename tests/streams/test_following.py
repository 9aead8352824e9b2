"""Following: long polls and feeds from one position, in one process with plain threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, StringField
from brubeck.storage import RecordSchema, Unavailable
from brubeck.storage.memory import MemoryRecordStream, MemoryStorage
from brubeck.storage.records import Changes, ChangesQuery
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams import following as module
from brubeck.testing import Client

SSE = {"Accept": "text/event-stream"}


class Note(StreamedDocument):
    """A note."""

    text = StringField()
    weight = FloatField()


class Notes(StreamHandler):
    """Notes."""

    model = Note
    path = "/notes"
    filters = ("weight__gte",)
    accept_created_at = True


@pytest.fixture
def storage() -> Iterator[MemoryStorage]:
    """Make an empty storage."""
    storage = MemoryStorage()
    yield storage
    storage.close()


@pytest.fixture
def client(storage: MemoryStorage) -> Client:
    """Make a client of a program with one stream."""
    return Client(Brubeck(streams=[Notes], storage=storage))


def frames(chunks: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the events of a feed, as a browser would see them; comments are events too."""
    for chunk in chunks:
        for frame in chunk.decode().split("\n\n"):
            event: dict[str, Any] = {}
            for line in frame.splitlines():
                name, _, value = line.partition(":")
                event[name or "comment"] = value.strip()
            if event:
                yield event


def soon(act: Any) -> threading.Thread:
    """Do something in another thread, started now."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_a_long_poll_answers_when_something_comes(client: Client) -> None:
    """At once, with what came."""
    start = client.get("/notes").json()["paging"]["changes"]
    poster = soon(lambda: client.post("/notes", json={"id": "a"}))
    found = client.get(start, params={"wait": 60}).json()
    poster.join()
    assert [each["id"] for each in found["data"]] == ["a"]


def test_a_long_poll_of_a_filter_waits_for_what_it_wants(client: Client) -> None:
    """Other changes move it on and do not end it."""
    start = client.get("/notes", params={"weight__gte": 5}).json()["paging"]["changes"]

    def post() -> None:
        for number in range(20):
            client.post("/notes", json={"id": f"n{number}", "weight": number / 3})

    poster = soon(post)
    found = client.get(start, params={"wait": 60, "limit": 1}).json()
    poster.join()
    assert [each["id"] for each in found["data"]] == ["n15"]


def test_a_long_poll_without_news_says_where_it_is(client: Client) -> None:
    """An empty answer and a place to go on from."""
    found = client.get("/notes/changes", params={"wait": 0.01}).json()
    assert found["data"] == []
    assert found["paging"]["caught_up"]


def test_a_feed_says_what_happens_as_it_happens(client: Client) -> None:
    """The present first, a checkpoint, then each change with its place."""
    client.post("/notes", json={"id": "a"})
    reply = client.get("/notes/changes", headers=SSE)
    assert reply.headers["Content-Type"] == "text/event-stream"
    events = frames(reply.chunks())
    first = next(events)
    assert (first["retry"], first["event"]) == ("2000", "put")
    checkpoint = next(events)
    assert checkpoint["event"] == "checkpoint"
    assert msgspec.json.decode(checkpoint["data"])["caught_up"]
    client.post("/notes", json={"id": "b"})
    assert msgspec.json.decode(next(events)["data"])["id"] == "b"
    client.delete("/notes/a")
    gone = next(events)
    assert gone["event"] == "delete"
    assert msgspec.json.decode(gone["data"])["data"] is None
    reply.close()

    resumed = client.get(
        "/notes/changes?after=now", headers=SSE | {"Last-Event-ID": checkpoint["id"]}
    )
    events = frames(resumed.chunks())
    assert [next(events).get("event") for _ in range(2)] == ["put", "delete"]
    resumed.close()


def test_a_feed_moves_on_where_its_filter_matches_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint every so often, so that a reconnection need not look again."""
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.01)
    reply = client.get("/notes/changes?weight__gte=5", headers=SSE)
    events = frames(reply.chunks())
    first = next(events)["id"]
    client.post("/notes", json={"weight": 1})
    seen = next(event["id"] for event in events if event["id"] != first)
    assert int(seen.partition("~")[0]) > int(first.partition("~")[0])
    reply.close()


def test_a_feed_whose_history_is_gone_is_told_so(client: Client, storage: MemoryStorage) -> None:
    """In the middle as well as at the beginning."""
    client.post("/notes", json={"id": "first"})
    reply = client.get("/notes/changes", headers=SSE)
    events = frames(reply.chunks())
    while next(events).get("event") != "checkpoint":
        pass
    storage.new_era()
    client.post("/notes", json={"id": "a"})
    reset = next(events)
    assert (reset["event"], reset["id"]) == ("reset", "reset")
    assert msgspec.json.decode(reset["data"]) == {"status": 410, "restart": "/notes"}
    with pytest.raises(StopIteration):
        next(events)


def test_a_feed_from_the_beginning_is_resumed_past_an_earlier_purge(
    client: Client, storage: MemoryStorage
) -> None:
    """Its ids say where the head was when it set out, and so nothing before that is missed."""
    for name in "abc":
        client.post("/notes", json={"id": name})
    client.delete("/notes/c")
    storage.records("notes", Notes.spec.schema).purge(10**16)
    events = frames(client.get("/notes/changes", headers=SSE).chunks())
    first = next(events)
    resumed = client.get("/notes/changes", headers=SSE | {"Last-Event-ID": first["id"]})
    events = frames(resumed.chunks())
    second = next(events)
    assert [msgspec.json.decode(each["data"])["id"] for each in (first, second)] == ["a", "b"]
    resumed.close()


class Flaky(MemoryRecordStream):
    """A stream whose storage cannot be reached now and then."""

    down = 0

    def changes(self, query: ChangesQuery) -> Changes:
        if self.down:
            self.down -= 1
            raise Unavailable("down")
        return super().changes(query)


class FlakyStorage(MemoryStorage):
    """Flaky streams."""

    def records(self, name: str, schema: RecordSchema) -> MemoryRecordStream:
        return self._record_streams.setdefault(name, Flaky(self, schema))


def test_a_feed_outlives_a_storage_that_is_down() -> None:
    """Comments until it is back; a look, by contrast, is told to come again."""
    storage = FlakyStorage()
    client = Client(Brubeck(streams=[Notes], storage=storage))
    stream = storage.records("notes", Notes.spec.schema)
    assert isinstance(stream, Flaky)
    stream.down = 1
    answer = client.get("/notes/changes")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    reply = client.get("/notes/changes", headers=SSE)
    events = frames(reply.chunks())
    stream.down = 1
    assert "comment" in next(events)
    assert next(events)["event"] == "checkpoint"
    reply.close()
    storage.close()


def test_one_put_of_many_wins(client: Client) -> None:
    """G7 over HTTP: one tag, eight writers, one 200 and seven 412."""
    tag = client.post("/notes", json={"id": "a"}).headers["ETag"]
    for _ in range(10):
        replies: list[Any] = []
        gate = threading.Barrier(8)

        def write(tag: str = tag, gate: Any = gate, replies: Any = replies) -> None:
            gate.wait()
            replies.append(client.put("/notes/a", json={}, headers={"If-Match": tag}))

        for thread in [soon(write) for _ in range(8)]:
            thread.join()
        assert sorted(reply.status for reply in replies) == [200] + [412] * 7
        tag = next(reply.headers["ETag"] for reply in replies if reply.status == 200)


def test_writes_without_a_condition_all_succeed(client: Client) -> None:
    """Each finds the item again where others have moved it, and none is lost."""
    client.post("/notes", json={"id": "a", "weight": 0})
    statuses: list[int] = []

    def write() -> None:
        for number in range(20):
            reply = client.patch("/notes/a", json={"weight": number})
            statuses.append(reply.status)

    for thread in [soon(write) for _ in range(4)]:
        thread.join()
    assert statuses == [200] * 80


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    writes=st.lists(
        st.tuples(
            st.sampled_from(["put", "delete", "turn"]),
            st.sampled_from("abcdef"),
            st.integers(0, 3),
        ),
        max_size=60,
    ),
    limit=st.integers(1, 3),
    weight=st.none() | st.integers(0, 3),
    order=st.sampled_from(["newest", "oldest"]),
)
def test_pages_and_then_changes_are_the_truth(
    writes: list[tuple[str, str, int]], limit: int, weight: int | None, order: str
) -> None:
    """G4 over HTTP: walk while others write, then follow the first page's changes."""
    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    params: dict[str, Any] = {"limit": limit, "order": order}
    if weight is not None:
        params["weight__gte"] = weight
    copy: dict[str, Any] = {}
    target, follow, pending = "/notes", "", list(writes)
    while target:
        page = client.get(target, params=params if target == "/notes" else None).json()
        follow = follow or page["paging"]["changes"]
        copy |= {item["id"]: item for item in page["data"]}
        target = page["paging"]["next"]
        for kind, name, number in [pending.pop() for _ in range(min(3, len(pending)))]:
            if kind == "put":
                client.put(f"/notes/{name}", json={"weight": number})
            elif kind == "delete":
                client.delete(f"/notes/{name}")
    caught_up = False
    while not caught_up:
        found = client.get(follow).json()
        for change in found["data"]:
            if change["op"] == "put":
                copy[change["id"]] = change["data"]
            else:
                copy.pop(change["id"], None)
        follow, caught_up = found["paging"]["next"], found["paging"]["caught_up"]
    truth = client.get("/notes", params=params | {"limit": 99}).json()["data"]
    assert copy == {item["id"]: item for item in truth}
