"""Following: nothing is passed over and nothing comes twice, whatever happens on the way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from brubeck.client import Change, HistoryLost, NotFound, Problem, Stream
from tests.client.conftest import PROGRAM
from tests.client.faces import client
from tests.clients.front import LOST, SILENCE, Front, front_of
from tests.clients.test_mirrors import send
from tests.servers import free_port, wait_until
from tests.servers.cutting import cutter
from tests.servers.programs import Program, brubeck_run
from tests.soak import often


class Reader:
    """A thread that reads a feed, and what it has read so far."""

    def __init__(self, feed: Any) -> None:
        self.feed = feed
        self.changes: list[Change] = []
        self.error: Exception | None = None
        self.thread = Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            for change in self.feed:
                self.changes.append(change)
        except Exception as error:  # noqa: BLE001, the test looks at it
            self.error = error

    def has(self, item_id: str) -> bool:
        """Return whether the last change is of an item."""
        return bool(self.changes) and self.changes[-1].id == item_id

    def end(self) -> None:
        """Close the feed, and wait for the thread."""
        self.feed.close()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def follow(notes: Any) -> Iterator[Callable[..., Reader]]:
    """Yield a function that starts a reader."""
    readers: list[Reader] = []

    def start(feed: Any) -> Reader:
        readers.append(Reader(feed))
        return readers[-1]

    yield start
    for each in readers:
        each.end()


def test_changes_come_in_their_order(notes: Any, follow: Callable[..., Reader]) -> None:
    """Each with its state, its position, and a cursor to go on from."""
    start = next(iter(notes.pages())).cursor
    reader = follow(notes.follow(after=start))
    a = notes.create({"id": "a", "kind": "x"})
    wait_until(lambda: reader.has("a"))
    notes.create_many([{"id": "b"}, {"id": "c"}])
    notes.delete("b")
    wait_until(lambda: reader.changes and reader.changes[-1].op == "delete")
    found = [(each.op, each.id) for each in reader.changes]
    assert found in (
        [("put", "a"), ("put", "b"), ("put", "c"), ("delete", "b")],
        [("put", "a"), ("put", "c"), ("delete", "b")],
    )
    first = reader.changes[0]
    assert first.item == a
    assert first.item is not None
    assert first.item.etag == a.etag
    assert [each.position for each in reader.changes] == sorted(
        {each.position for each in reader.changes}
    )
    again = notes.follow(after=first.cursor)
    assert next(iter(again)).id != "a"


@pytest.mark.reads("Brubeck's client", "changes", "SSE")
@pytest.mark.parametrize("polls", [False, True], ids=["events", "polls"])
def test_each_cursor_leads_to_the_next_change(polls: bool, notes: Any) -> None:
    """Also one in the middle of a page of changes, as after a restart of the reader."""
    start = next(iter(notes.pages())).cursor
    notes.create_many([{"id": f"c{number}"} for number in range(5)])
    if polls:
        refuse_events(notes)
    with notes.follow(after=start) as feed:
        found = [next(feed) for _ in range(5)]
    for before, change in pairwise(found):
        with notes.follow(after=before.cursor) as feed:
            assert next(feed) == change


def test_filters_and_fields_hold_for_changes(notes: Any, follow: Callable[..., Reader]) -> None:
    """An item that meets the filter no more is deleted for this reader."""
    start = next(iter(notes.pages())).cursor
    reader = follow(notes.follow(after=start, kind="x", fields=["kind"]))
    _, mine = (notes.create({"kind": kind, "text": "t"}).id for kind in ("y", "x"))
    wait_until(lambda: reader.has(mine))
    notes.update(mine, {"kind": "y"})
    wait_until(lambda: reader.changes[-1].op == "delete")
    assert [(each.op, each.id, each.item) for each in reader.changes] == [
        ("put", mine, {"id": mine, "kind": "x"}),
        ("delete", mine, None),
    ]


def test_now_begins_at_the_present(notes: Any, follow: Callable[..., Reader]) -> None:
    """What was before is not there; what comes after it is."""
    notes.create({"id": "old"})
    feed = notes.follow(after="now")
    reader = follow(feed)
    names = iter(range(1000))

    def write() -> bool:
        notes.replace(f"n{next(names)}", {})
        return bool(reader.changes)

    wait_until(write)
    assert "old" not in [each.id for each in reader.changes]


@pytest.mark.parametrize("polls", [False, True], ids=["events", "polls"])
def test_nothing_is_missed_or_repeated_across_restarts(
    polls: bool, face: str, tmp_path: Path
) -> None:
    """The server is killed and started again, and connections are cut in the middle of messages."""
    dice = random.Random(11)
    port = free_port()
    storage = f"sqlite:///{tmp_path}/streams.db"
    listen = f"http://127.0.0.1:{port}"
    rounds = often(2, 5)
    expected = [f"n{number}" for number in range(60 * rounds)]
    left = iter(expected)
    with ExitStack() as stack:
        way = stack.enter_context(cutter(port))
        writer = stack.enter_context(Stream(f"http://127.0.0.1:{port}/notes"))
        notes = stack.enter_context(client(face, f"http://127.0.0.1:{way.port}/notes"))
        if polls:
            refuse_events(notes)
        reader = None
        for life in range(3):
            with brubeck_run(PROGRAM, listen=listen, storage_default=storage) as server:
                reader = reader or Reader(notes.follow())
                for _ in range(rounds):
                    some = [next(left) for _ in range(20)]
                    cut = dice.randrange(20)
                    create(writer, some[:cut])
                    way.cut()
                    create(writer, some[cut:])
                    wait_until(partial(reader.has, some[-1]), seconds=30)
                server.process.kill() if life < 2 else None
                if life < 2:
                    server.process.wait()
        assert reader is not None
        reader.end()
    assert [each.id for each in reader.changes] == expected
    assert reader.error is None


def create(writer: Stream, ids: list[str]) -> None:
    """Create items."""
    results = writer.create_many([{"id": each} for each in ids])
    assert all(result.status == 201 for result in results)


def refuse_events(notes: Any) -> None:
    """Let the next feed use long polls, as after a server without events."""
    make = getattr(notes, "_target", notes)._reading
    original = type(make).follower

    def follower(*arguments: Any) -> Any:
        made = original(make, *arguments)
        made.polls = True
        return made

    object.__setattr__(make, "follower", follower)


@pytest.fixture
def front(memory_server: Program) -> Iterator[Front]:
    """Yield a server in front of the notes."""
    with front_of(memory_server.port) as found:
        yield found


@pytest.mark.parametrize("status", [LOST, 502, 503, 500])
def test_a_feed_outlives_what_passes(status: int, connect: Any, front: Front) -> None:
    """Once it was open; each time it goes on at its place."""
    with cutter(front.port) as way:
        notes = connect(f"http://127.0.0.1:{way.port}/notes")
        feed = notes.follow()
        send(front.target, "PUT", "/notes/first", {})
        while next(feed).id != "first":
            pass
        front.plan("feed", status, Retry_After="1")
        front.plan("feed", status)
        reader = Reader(feed)
        name = f"after-{status}"
        way.cut()
        send(front.target, "PUT", f"/notes/{name}", {})
        wait_until(lambda: reader.has(name), seconds=60)
        reader.end()
    assert not front.plans["feed"]
    assert [each.id for each in reader.changes] == [name]


@pytest.mark.parametrize("polls", [False, True], ids=["events", "polls"])
def test_a_reader_moves_on_though_nothing_matches(polls: bool, connect: Any, front: Front) -> None:
    """By checkpoints, or by the pages of polls; its place is not lost when deletions are purged."""
    send(front.target, "PUT", "/notes/other", {"kind": "other"})
    with cutter(front.port) as way:
        notes = connect(f"http://127.0.0.1:{way.port}/notes")
        if polls:
            refuse_events(notes)
        reader = Reader(notes.follow(kind="none"))
        kind = "changes" if polls else "feed"

        def has_moved() -> bool:
            requests = front.of(kind)
            if requests and time.monotonic() - requests[-1].at > 1:  # time for a checkpoint
                way.cut()
            return any("after=" in each.path for each in requests)

        wait_until(has_moved, seconds=30)
        reader.end()
    assert reader.changes == []


def test_now_is_one_moment(connect: Any, front: Front) -> None:
    """Taken once: what happens while the feed is opened again is after it."""
    notes = connect(f"http://127.0.0.1:{front.port}/notes")
    front.plan("feed", LOST)
    reader = Reader(notes.follow(after="now"))
    wait_until(lambda: len(front.of("feed")) == 2)
    reader.end()
    assert [each.kind for each in front.requests if "after=now" in each.path] == ["changes"]


@pytest.mark.parametrize(
    ("status", "error"), [(401, Problem), (403, Problem), (404, NotFound), (410, HistoryLost)]
)
def test_what_is_final_ends_it(
    status: int, error: type[Exception], connect: Any, front: Front
) -> None:
    """At once, with the error."""
    notes = connect(f"http://127.0.0.1:{front.port}/notes")
    front.plan("feed", status)
    with pytest.raises(error):
        next(iter(notes.follow()))
    assert len(front.requests) == 1


@pytest.mark.parametrize("status", [200, 406])
def test_long_polls_take_over_where_there_are_no_events(
    status: int, face: str, connect: Any, front: Front
) -> None:
    """The answer to the feed is something else; the changes are the same."""
    notes = connect(f"http://127.0.0.1:{front.port}/notes")
    send(front.target, "PUT", "/notes/last", {})
    front.plan("feed", status)
    reader = Reader(notes.follow())
    wait_until(lambda: reader.has("last"))
    name = f"polled-{face}-{status}"
    send(front.target, "PUT", f"/notes/{name}", {})
    wait_until(lambda: reader.has(name))
    reader.end()
    assert len(front.of("feed")) == 1
    assert "wait=30" in front.of("changes")[-1].path
    names = [each.id for each in reader.changes]
    assert len(names) == len(set(names))


def test_a_silent_feed_is_left_for_long_polls(connect: Any, front: Front) -> None:
    """A half-open connection, or a proxy that holds the events back."""
    notes = connect(f"http://127.0.0.1:{front.port}/notes", silence=0.2)
    front.plan("feed", SILENCE)
    feed = notes.follow(after="0")
    assert next(feed).position > 0
    assert [each.kind for each in front.requests] == ["feed", "changes"]


def test_a_lost_place_is_an_error(memory_server: Program, face: str) -> None:
    """A new era, while the feed is open and before; the error names the URL to read again."""
    url = f"http://127.0.0.1:{memory_server.port}/notes"
    with client(face, url) as notes:
        notes.replace("x", {})
        feed = notes.follow()
        cursor = next(feed).cursor
        reader = Reader(feed)
        send(memory_server.port, "POST", "/control/new-era")
        wait_until(lambda: reader.error is not None)
        assert isinstance(reader.error, HistoryLost)
        with pytest.raises(HistoryLost) as caught:
            next(iter(notes.follow(after=cursor)))
        assert (caught.value.restart, caught.value.cursor) == (url, cursor)
        refuse_events(notes)
        with pytest.raises(HistoryLost):
            next(iter(notes.follow(after=cursor)))


def test_rights_that_end_end_the_feed(memory_server: Program, face: str) -> None:
    """With the status; nothing is tried again."""
    url = f"http://127.0.0.1:{memory_server.port}/locked"
    send(memory_server.port, "POST", "/control/grant")
    with client(face, url, auth=("ella", "secret")) as locked:
        locked.replace("x", {})
        feed = locked.follow()
        next(feed)
        reader = Reader(feed)
        send(memory_server.port, "POST", "/control/revoke")
        wait_until(lambda: reader.error is not None, seconds=20)
        assert isinstance(reader.error, Problem)
        assert reader.error.status == 401
        send(memory_server.port, "POST", "/control/grant")
