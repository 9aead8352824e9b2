"""The look-out of a storage: one look at the heads of many streams, however many readers wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from brubeck.storage import Storage, Unavailable, open_storage
from brubeck.storage.lookout import MOST, LookOut
from brubeck.storage.notifier import HeadNotifier
from brubeck.storage.records import UNBORN, Head, Put
from brubeck.storage.schema import RecordSchema
from tests.servers import wait_until
from tests.servers.mongo import MongoServer

MANY = 1000


class Heads:
    """The heads of some streams, and how often each was looked at."""

    def __init__(self, taking: float = 0.0) -> None:
        self.heads: dict[str, Head] = {}
        self.looks: list[int] = []
        self.spent = 0.0
        self.fails = 0
        self._taking = taking

    def __call__(self, names: Sequence[str]) -> Mapping[str, Head]:
        """Return the heads of some streams."""
        began = time.monotonic()
        self.looks.append(len(names))
        if self.fails:
            self.fails -= 1
            raise Unavailable("It is away.")
        while time.monotonic() - began < self._taking:
            pass
        self.spent += time.monotonic() - began
        return {name: self.heads[name] for name in names if name in self.heads}


@contextmanager
def waiting(*notifiers: HeadNotifier) -> Iterator[list[str]]:
    """Have a thread wait for each of some streams, and yield the names of those that are woken."""
    woken: list[str] = []

    def wait(notifier: HeadNotifier) -> None:
        try:
            if notifier.wait(0, 60):
                woken.append(notifier.name)
        except Unavailable:
            woken.append(f"{notifier.name} is closed")

    threads = [threading.Thread(target=wait, args=(each,)) for each in notifiers]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(each.is_awaited for each in notifiers))
    try:
        yield woken
    finally:
        for each in notifiers:
            each.close()
        for thread in threads:
            thread.join()


class Reader:
    """A stream that somebody always waits for."""

    def __init__(self, name: str, *, awaited: bool = True) -> None:
        self.name = name
        self.is_awaited = awaited
        self.heads: list[Head] = []

    def take(self, head: Head) -> None:
        """Keep the head."""
        self.heads.append(head)


def test_many_streams_are_looked_at_together() -> None:
    """Each had a thread of its own, and a command each time."""
    heads = Heads()
    before = threading.active_count()
    look_out = LookOut(heads, 0.01)
    readers = [Reader(f"stream {number}") for number in range(MANY)]
    for reader in readers:
        look_out.watch(reader)
    assert threading.active_count() <= before + 1
    wait_until(lambda: all(reader.heads for reader in readers))
    assert readers[0].heads[0] == Head(0, UNBORN)
    assert max(heads.looks) == MOST
    for reader in readers:
        reader.is_awaited = False


def test_the_looks_take_little_of_the_time() -> None:
    """However many streams there are, and long a look takes."""
    heads = Heads(taking=0.01)
    look_out = LookOut(heads, 0.001)
    began = time.monotonic()
    reader = Reader("stream")
    look_out.watch(reader)
    wait_until(lambda: len(reader.heads) > 5)
    share = heads.spent / (time.monotonic() - began)
    reader.is_awaited = False
    assert share < 0.25


def test_a_stream_that_nobody_waits_for_is_not_looked_at() -> None:
    """And where nobody waits at all the look-out ends, to begin again."""
    heads = Heads()
    look_out = LookOut(heads, 0.005)
    gone, stays = Reader("gone", awaited=False), Reader("stays")
    look_out.watch(stays)
    look_out.watch(gone)
    wait_until(lambda: len(stays.heads) > 3)
    assert len(gone.heads) <= 1
    stays.is_awaited = False
    threads = threading.active_count()
    wait_until(lambda: threading.active_count() < threads)
    stays.is_awaited = True
    seen = len(stays.heads)
    look_out.watch(stays)
    wait_until(lambda: len(stays.heads) > seen)
    stays.is_awaited = False


def test_a_look_that_fails_is_made_again() -> None:
    """A reader that waits is woken by the next one."""
    heads = Heads()
    heads.fails, heads.heads = 3, {"a": Head(5, "era")}
    with waiting(HeadNotifier("a", LookOut(heads, 0.01))) as woken:
        wait_until(lambda: woken == ["a"])


def test_each_reader_is_woken_by_its_own_stream() -> None:
    """By a write, and by a new era; others wait on."""
    heads = Heads()
    look_out = LookOut(heads, 0.01)
    names = ("written", "begun anew", "quiet")
    heads.heads = {"begun anew": Head(0, "first")}
    written, begun, quiet = (HeadNotifier(name, look_out) for name in names)
    with waiting(written, begun, quiet) as woken:
        wait_until(lambda: len(heads.looks) > 2)
        assert woken == []
        heads.heads["written"] = Head(1, "era")
        wait_until(lambda: woken == ["written"])
        heads.heads["begun anew"] = Head(0, "second")
        wait_until(lambda: woken == ["written", "begun anew"])
    assert woken[2:] == ["quiet is closed"]


@pytest.fixture(params=["sqlite", "redis", "mongo"])
def storages(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Storage, Storage]]:
    """Yield a storage as two processes open it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'notes.db'}"
    elif request.param == "redis":
        url = request.getfixturevalue("redis_server").url
    else:
        mongo: MongoServer = request.getfixturevalue("mongo_server")
        url = f"mongodb://127.0.0.1:{mongo.port}/l{uuid4().hex[:12]}"
    with closing(open_storage(url)) as one, closing(open_storage(url)) as other:
        yield one, other


def test_a_write_of_another_process_wakes_the_readers_of_its_stream(
    storages: tuple[Storage, Storage],
) -> None:
    """In every storage, from the beginning of the stream on, and no others."""
    here, there = storages
    prefix, schema = uuid4().hex, RecordSchema({})
    streams = [here.records(f"{prefix}/{number}", schema) for number in range(MOST + 2)]
    woken: list[int] = []

    def wait(number: int) -> None:
        with suppress(Unavailable):
            if streams[number].wait(0, 60):
                woken.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(len(streams))]
    for thread in threads:
        thread.start()
    for number in (0, MOST + 1, 7):
        put = Put(id="a", created_at=1, body=b"{}", token="t")
        there.records(f"{prefix}/{number}", schema).write([put])
        wait_until(lambda: number in woken)  # noqa: B023, it ends within its turn
    assert woken == [0, MOST + 1, 7]
    here.close()
    for thread in threads:
        thread.join()
