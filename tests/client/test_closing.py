"""Closing from another thread, and cancelling: whatever waits ends at once, and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from brubeck.client import AsyncStream, Closed, Stream, Unavailable
from tests.client.conftest import PROGRAM
from tests.client.faces import client
from tests.clients.front import SILENCE, front_of
from tests.clients.test_mirrors import send
from tests.servers import wait_until
from tests.servers.certificates import Certificates
from tests.servers.programs import Program, brubeck_run


@pytest.mark.parametrize("kind", ["page", "changes", "feed", "pause", "open"])
def test_close_ends_whatever_waits(kind: str, face: str, memory_server: Program) -> None:
    """A request without an answer, a long poll, a pause, an open feed."""
    with front_of(memory_server.port) as front:
        url = f"http://127.0.0.1:{front.port}/notes"
        if kind == "pause":
            front.plan("page", 503, Retry_After="3000")
        elif kind != "open":
            front.plan({"changes": "feed"}.get(kind, kind), SILENCE)
        ended: list[object] = []
        with client(face, url, timeout=4000) as notes:
            thread = Thread(target=_use, args=(notes, kind, ended))
            thread.start()
            wait_until(lambda: bool(front.requests))
            asked = front.requests[0]
            if kind == "pause":
                wait_until(asked.ended.is_set)
            began = time.monotonic()
            notes.close()
            thread.join(20)
            assert time.monotonic() - began < 5
        wait_until(asked.ended.is_set)
        assert ended == (["closed"] if kind in ("page", "pause") else ["over"])
        assert len(front.requests) == 1


def _use(notes: Any, kind: str, ended: list[object]) -> None:
    try:
        if kind in ("page", "pause"):
            list(notes.items())
        else:
            list(notes.follow(after=None))
        ended.append("over")
    except Closed:
        ended.append("closed")
    except Exception as error:  # noqa: BLE001, the test compares it
        ended.append(error)


def test_a_closed_stream_says_so(face: str) -> None:
    """Whatever is called; a feed of it has nothing."""
    with client(face, "https://api.example/notes") as notes:
        notes.close()
        notes.close()
        with pytest.raises(Closed):
            notes.get("a")
        with pytest.raises(Closed):
            list(notes.items())
        assert list(notes.follow()) == []
        with pytest.raises(Closed), notes.mirror():
            pass


def test_one_feed_is_closed_alone(face: str, memory_server: Program) -> None:
    """The stream, and its other feeds, go on."""
    with client(face, f"http://127.0.0.1:{memory_server.port}/notes") as notes:
        notes.create_many([{"kind": "some"}] * 20)  # which come in one piece
        first, second = notes.follow(), notes.follow()
        next(first)
        next(second)
        first.close()
        assert list(first) == []
        notes.replace("closing", {})
        while next(second).id != "closing":
            pass
        assert notes.get("closing")


def test_a_loop_that_is_left_leaves_nothing_open(memory_server: Program) -> None:
    """The connection of the feed is closed with it; a warning would be an error here."""
    with front_of(memory_server.port) as front:
        send(memory_server.port, "PUT", "/notes/a", {})
        with Stream(f"http://127.0.0.1:{front.port}/notes") as notes:
            for _ in notes.follow():
                break
            gc.collect()
            wait_until(front.of("feed")[0].ended.is_set)


def test_cancelling_a_wait_loses_no_change(memory_server: Program) -> None:
    """The feed goes on at the same place, however often a wait is cancelled."""

    async def follow() -> list[str]:
        url = f"http://127.0.0.1:{front.port}/notes"
        direct = f"http://127.0.0.1:{memory_server.port}/notes"
        found: list[str] = []
        async with AsyncStream(url) as notes, AsyncStream(direct) as writer:
            start = (await anext(notes.pages())).cursor
            feed = notes.follow(after=start)
            sent = [f"cancel{number}" for number in range(12)]
            for number, each in enumerate(sent):
                try:
                    async with asyncio.timeout(0.001 * number):
                        found.append((await anext(feed)).id)
                except TimeoutError:
                    pass
                await writer.replace(each, {})
            async with asyncio.timeout(30):
                while found[-1:] != sent[-1:]:
                    found.append((await anext(feed)).id)
        assert len(front.of("feed")) == 1  # and it is the same connection
        return found

    with front_of(memory_server.port) as front:
        assert asyncio.run(follow()) == [f"cancel{number}" for number in range(12)]


def test_a_cancelled_task_leaves_nothing_open(memory_server: Program) -> None:
    """Its connection to the server ends."""

    async def follow(url: str) -> None:
        async with AsyncStream(url) as notes:
            async for _ in notes.follow(after="now"):
                pass

    async def cancel(url: str) -> None:
        task = asyncio.create_task(follow(url))
        await asyncio.to_thread(wait_until, lambda: bool(front.of("feed")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with front_of(memory_server.port) as front:
        asyncio.run(cancel(f"http://127.0.0.1:{front.port}/notes"))
        wait_until(front.of("feed")[0].ended.is_set)


def test_close_ends_a_feed_over_tls(face: str, tmp_path: Path) -> None:
    """Whose state belongs to the thread that reads. A server without trust gets nothing."""
    files = Certificates(tmp_path)
    trust = ssl.create_default_context(cafile=files.cafile)
    with brubeck_run(
        PROGRAM,
        listen="https://127.0.0.1:0",
        server_certfile=files.certfile,
        server_keyfile=files.keyfile,
    ) as server:
        url = f"https://127.0.0.1:{server.port}/notes"
        with client(face, url, retries=0) as notes, pytest.raises(Unavailable, match="verify"):
            notes.create({"id": "a"})
        with client(face, url, verify=trust) as notes:
            notes.create({"id": "a"})
            feed = notes.follow()
            assert next(feed).id == "a"
            found: list[Any] = []
            thread = Thread(target=_gather, args=(feed, found), daemon=True)
            thread.start()
            notes.create({"id": "b"})
            wait_until(lambda: [each.id for each in found] == ["b"])
            feed.close()
            thread.join(10)  # the next checkpoint would come after 15 seconds
            assert not thread.is_alive()


def _gather(feed: Any, found: list[Any]) -> None:
    for change in feed:
        found.append(change)  # noqa: PERF402, each as soon as it comes
