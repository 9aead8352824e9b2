"""Shared caches: nginx and Varnish before a stream with `cache`, by the files of ``deploy/``."""

from __future__ import annotations

import asyncio
import json
import time
from http.client import HTTPConnection

import pytest

from tests.proxies.fronts import Front
from tests.proxies.origins import Origin
from tests.proxies.readers import Connection, Reader, write_to
from tests.servers import Caller

EACH = pytest.mark.parametrize("front", ["nginx", "varnish"], indirect=True)
READERS = 200
AT_ONCE = 20
TEXTS = 2
FEW = 0.01
"""The share of requests that may reach the program."""


def get(port: int, target: str, **headers: str) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


KINDS = {"long poll": (20, 0.0), "polling": (0, 0.5), "first page": (0, 0.5)}
"""Each kind of reader: for how many seconds a request waits, and the pause after it."""


async def read(
    front: Front, origin: Origin, kind: str, texts: list[str]
) -> tuple[list[Reader], list[float]]:
    """Have many read what is written, and return them, with how long each text took to each."""
    changes = json.loads(get(origin.port, "/quakes?limit=1")[1])["paging"]["changes"]
    wait, pause = KINDS[kind]
    path = f"/quakes?limit={TEXTS}"
    readers = [Reader(front.port, path, wait=wait, pause=pause) for _ in range(READERS)]
    work = [
        each.read_first_pages(texts[-1])
        if kind == "first page"
        else each.follow(changes, texts[-1])
        for each in readers
    ]
    reading = asyncio.gather(*work)
    took = await write_to(readers, front.port, "/quakes", texts)
    await reading
    return readers, took


@EACH
@pytest.mark.parametrize("kind", KINDS)
def test_the_cache_answers_nearly_everybody(front: Front, origin: Origin, kind: str) -> None:
    """And nobody misses an item."""
    texts = [f"{front.name} {kind} {number}" for number in range(TEXTS)]
    before = origin.requests("/quakes")
    readers, took = asyncio.run(asyncio.wait_for(read(front, origin, kind, texts), 60))
    asked, reached = sum(each.requests for each in readers), origin.requests("/quakes") - before
    slow = sorted(took)[int(len(took) * 0.99)]
    print(f"{front.name}, {kind}: {reached} of {asked} reach the program, p99 {slow:.2f} s")
    assert not any(each.errors for each in readers)
    assert all(set(texts) <= set(each.got) for each in readers)
    assert reached <= asked * FEW


@EACH
def test_an_idle_reader_does_not_spin(front: Front, origin: Origin) -> None:
    """An empty page that was stored does not answer the next long poll."""

    async def idle() -> list[float]:
        reader = Reader(front.port, "/quakes", wait=1)
        changes = json.loads(get(origin.port, "/quakes?limit=1")[1])["paging"]["changes"]
        for _ in range(3):
            changes = await reader.step(changes)
        reader.close()
        return reader.took

    took = asyncio.run(idle())
    assert sum(took) > 1.5, took


@EACH
def test_a_protected_stream_is_never_stored(front: Front, origin: Origin) -> None:
    """Each request reaches the program, in whichever order they come."""
    path = "/quakes/private"
    bearer = {"Authorization": f"Bearer {origin.token}"}
    before = origin.requests(path)
    for _ in range(3):
        assert get(front.port, path)[0] == 401
        assert get(front.port, path, **bearer)[0] == 200
    assert origin.requests(path) - before == 6


@EACH
def test_an_answer_that_does_not_say_for_how_long_is_not_stored(
    front: Front, origin: Origin
) -> None:
    """A guard may look at any header: one request with the key had the page shown to all."""
    for _ in range(3):
        assert get(front.port, "/report", **{"X-Api-Key": "secret"}) == (200, b"the report")
        assert get(front.port, "/report")[0] == 403


@EACH
@pytest.mark.parametrize(
    ("target", "accept", "status"),
    [
        ("/quakes/changes?after=now", "application/json", 200),
        ("/quakes/changes", "text/event-stream", 200),
        ("/quakes", "text/html", 200),
        ("/quakes.ndjson", "*/*", 200),
        ("/quakes/none", "application/json", 404),
    ],
)
def test_requests_that_cannot_be_stored_do_not_queue_up(
    front: Front, target: str, accept: str, status: int
) -> None:
    """The lock of nginx lets two of them through a second, so they have to go past it."""

    async def ask() -> float:
        start = time.perf_counter()
        connections = [Connection(front.port, accept=accept) for _ in range(AT_ONCE)]
        found = await asyncio.gather(*(each.status(target) for each in connections))
        assert set(found) == {status}
        return time.perf_counter() - start

    took = asyncio.run(asyncio.wait_for(ask(), 60))
    print(f"{front.name}: {AT_ONCE} x {target} at once take {took:.2f} s")
    assert took < 3


@EACH
def test_an_open_feed_holds_up_nobody(front: Front) -> None:
    """Neither another feed of the same URL nor a request for its JSON."""
    with Caller(front.port) as first, Caller(front.port) as second, Caller(front.port) as third:
        for each in (first, second):
            each.get("/quakes/changes", "Accept: text/event-stream")
            assert each.response().headers["Content-Type"].startswith("text/event-stream")
        third.get("/quakes/changes", "Accept: application/json")
        assert third.response().status == 200
