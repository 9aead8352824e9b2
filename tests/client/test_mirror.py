"""Mirrors: a copy that comes to be the truth, whatever happens, and says so when it cannot."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest

from brubeck.client import Closed, Problem
from tests.client.faces import client
from tests.clients.front import Front, front_of
from tests.clients.test_mirrors import send
from tests.servers import wait_until
from tests.servers.cutting import cutter
from tests.servers.programs import Program


def truth(notes: Any, **filters: Any) -> dict[str, Any]:
    """Return the items by their ids, as the pages have them."""
    return {item["id"]: item for item in notes.items(limit=200, **filters)}


def write(notes: Any, dice: random.Random, count: int) -> int:
    """Create, change and delete some of forty items at random; return the last write's position."""
    for _ in range(count):
        name = f"w{dice.randrange(40)}"
        if dice.random() < 0.3 and name in truth(notes):
            notes.delete(name)
        else:
            notes.replace(name, {"kind": dice.choice("xy"), "size": dice.randrange(9)})
    last = notes.replace("last", {"kind": "x", "size": dice.randrange(9)})
    return int(last.etag.strip('"'))


@pytest.mark.parametrize("filters", [{}, {"kind": "x"}, {"kind": "x", "fields": ["size"]}], ids=str)
def test_a_copy_is_the_truth_after_random_writes(notes: Any, filters: dict[str, Any]) -> None:
    """With filters and fields, or without."""
    dice = random.Random(3)
    write(notes, dice, 20)
    with notes.mirror(**filters) as mirror:
        assert mirror.snapshot() == truth(notes, **filters)
        for _ in range(4):
            position = write(notes, dice, 15)
            assert mirror.wait(lambda copy, position=position: copy.position >= position, 30)
            assert mirror.snapshot() == truth(notes, **filters)
        version = mirror.version
        assert mirror.next_version(version, 0.01) == version
        notes.delete("last")
        assert mirror.next_version(version, 30) == version + 1
        assert "last" not in mirror
        assert len(mirror) == len(truth(notes, **filters))
    assert dict(mirror.items()) == truth(notes, **filters)  # it stays as it was


def test_writes_while_the_pages_are_read_are_in_the_copy(
    memory_server: Program, connect: Callable[..., Any]
) -> None:
    """The copy is complete when its context begins."""
    url = f"http://127.0.0.1:{memory_server.port}/notes"
    notes, writer = connect(url), connect(url)
    writer.create_many([{"id": f"page{n}"} for n in range(450)])
    with front_of(memory_server.port) as front:
        reader = connect(f"http://127.0.0.1:{front.port}/notes")
        front.plan("page", 1)
        front.plan("page", 503, Retry_After="1")  # the second page has to wait
        done = Thread(target=lambda: _when_waiting(front, writer), daemon=True)
        done.start()
        with reader.mirror() as mirror:
            assert mirror.snapshot() == truth(notes)
            assert "meanwhile" in mirror
            assert "page449" not in mirror
        done.join()
    for item in list(notes.items(fields="kind", limit=200)):
        notes.delete(item.id)


def _when_waiting(front: Front, writer: Any) -> None:
    wait_until(lambda: len(front.of("page")) == 2)
    writer.delete("page449")
    writer.create({"id": "meanwhile"})


def test_a_lost_place_is_read_again(memory_server: Program, face: str) -> None:
    """A new era, with cuts; the copy is never half."""
    dice = random.Random(5)
    with ExitStack() as stack:
        way = stack.enter_context(cutter(memory_server.port))
        url = f"http://127.0.0.1:{way.port}/notes"
        notes = stack.enter_context(client(face, f"http://127.0.0.1:{memory_server.port}/notes"))
        notes.replace("stays", {})
        mirror = stack.enter_context(stack.enter_context(client(face, url)).mirror())
        for _ in range(3):
            position = write(notes, dice, 10)
            way.cut()
            send(memory_server.port, "POST", "/control/new-era")
            write(notes, dice, 10)
            wait_until(lambda: mirror.snapshot() == truth(notes), seconds=30)
            assert mirror.position > position


@pytest.mark.parametrize("kind", ["page", "changes", "feed"])
def test_an_error_that_is_final_ends_it(
    kind: str, memory_server: Program, connect: Callable[..., Any]
) -> None:
    """Every look raises it: a copy that is no longer right is not shown."""
    with front_of(memory_server.port) as front:
        notes = connect(f"http://127.0.0.1:{front.port}/notes")
        front.plan(kind, 403)
        mirror = notes.mirror()
        if kind != "feed":
            with pytest.raises(Problem), mirror:
                pass
            return
        with mirror:
            with pytest.raises(Problem) as caught:
                mirror.wait(lambda _: False, 30)
            assert caught.value.status == 403
            for look in (lambda: len(mirror), lambda: mirror["a"], mirror.items, mirror.snapshot):
                with pytest.raises(Problem):
                    look()


def test_a_wait_ends_by_time_or_close(memory_server: Program, connect: Callable[..., Any]) -> None:
    """False after its time; `Closed` when the mirror, or its stream, is closed meanwhile."""
    url = f"http://127.0.0.1:{memory_server.port}/notes"
    for target in ("mirror", "stream"):
        notes = connect(url)
        mirror = notes.mirror()
        with mirror:
            assert mirror.wait(lambda _: False, 0.01) is False
            ended: list[str] = []

            def wait(mirror: Any = mirror, ended: list[str] = ended) -> None:
                try:
                    mirror.wait(lambda _: False, 30)
                except Closed:
                    ended.append("closed")

            thread = Thread(target=wait)
            thread.start()
            (mirror if target == "mirror" else notes).close()
            thread.join(20)
            assert ended == ["closed"]
        with pytest.raises(RuntimeError, match="once"), mirror:
            pass
