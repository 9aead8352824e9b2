"""Long polls and feeds over every connection that can hold one open."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

import pytest

from tests.behaviour.connections import HOLDING
from tests.servers import wait_until
from tests.soak import often

SSE = {"Accept": "text/event-stream"}
HEADERS = {"Content-Type": "application/json"}


@pytest.fixture(params=HOLDING)
def port(request: pytest.FixtureRequest, asks: dict[str, Any]) -> int:
    """Return where one of the connections is."""
    found: int = asks[request.param].port
    return found


@contextmanager
def asking(
    port: int, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Iterator[HTTPResponse]:
    """Ask, and close the connection afterwards."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, target, body or None, headers or {})
        yield connection.getresponse()
    finally:
        connection.close()


def post(port: int, number: int) -> None:
    """Create an item."""
    body = json.dumps({"place": f"n{number}", "magnitude": number % 9}).encode()
    with asking(port, "POST", "/feeds", body, HEADERS) as response:
        assert response.status == 201


def event(response: HTTPResponse) -> dict[str, str]:
    """Read the next event of a feed."""
    lines: dict[str, str] = {}
    while True:
        line = response.readline().decode()
        if not line:
            raise ConnectionError("the feed has ended")
        line = line.rstrip("\n")
        if not line and lines:
            return lines
        name, _, value = line.partition(": ")
        lines[name] = value


def test_a_long_poll_is_answered_by_a_write(port: int) -> None:
    """One waits, another writes."""
    with asking(port, "GET", "/feeds/changes?after=now") as response:
        start = json.loads(response.read())["paging"]["next"]
    found: list[Any] = []

    def poll() -> None:
        with asking(port, "GET", f"{start}&wait=60") as response:
            found.append(json.loads(response.read())["data"])

    thread = threading.Thread(target=poll)
    thread.start()
    post(port, 1)
    thread.join(60)
    assert [change["data"]["place"] for change in found[0]] == ["n1"]


def test_a_feed_shows_writes_and_is_resumed_by_its_id(port: int) -> None:
    """Cut in the middle, it goes on where it was: nothing missing and nothing twice."""
    seen: list[str] = []
    last = ""
    with asking(port, "GET", "/feeds/changes?after=now", headers=SSE) as response:
        assert response.status == 200
        first = event(response)
        assert (first["retry"], first["event"]) == ("2000", "checkpoint")
        for number in range(5):
            post(port, number)
            said = event(response)
            last = said["id"]
            seen.append(json.loads(said["data"])["data"]["place"])
    for number in range(5, 300):
        post(port, number)
    headers = SSE | {"Last-Event-ID": last}
    with asking(port, "GET", "/feeds/changes", headers=headers) as response:
        while len(seen) < 300:
            said = event(response)
            if said["event"] == "put":
                seen.append(json.loads(said["data"])["data"]["place"])
    assert seen == [f"n{number}" for number in range(300)]


def test_a_slow_reader_holds_up_nobody_and_misses_nothing(port: int) -> None:
    """While others follow, one does not read; what it was sent is more than any buffer holds."""
    count = 100
    slow, *others = [Reader(port, slow=number == 0) for number in range(4)]
    many = [{"place": "x", "tags": ["y" * 1500], "magnitude": 1}] * count
    written = 0
    for _ in range(26):
        with asking(port, "POST", "/feeds", json.dumps(many).encode(), HEADERS) as answer:
            assert answer.status == 201
        written += count
        for reader in others:
            reader.read(count)
    slow.read(written)
    for reader in (slow, *others):
        reader.close()


class Reader:
    """Follows the feed, as a browser does: cut off, it comes back with the last id it was given.

    A slow one has hardly a buffer of its own.
    """

    def __init__(self, port: int, *, slow: bool) -> None:
        self._port, self._slow = port, slow
        self._last, self._position = "", 0
        self._open("?after=now")
        assert self._event()["event"] == "checkpoint"

    def _open(self, query: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        self._connection.sock = sock = socket.socket()
        if self._slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect(("127.0.0.1", self._port))
        headers = SSE | ({"Last-Event-ID": self._last} if self._last else {})
        self._connection.request("GET", f"/feeds/changes{query}", headers=headers)
        self._response = self._connection.getresponse()

    def _event(self) -> dict[str, str]:
        try:
            said = event(self._response)
        except (HTTPException, ConnectionError):  # the front server gave up on it
            self.close()
            self._open("")
            return {"event": "cut"}
        self._last = said.get("id", self._last)
        return said

    def read(self, count: int) -> None:
        """Read so many changes, of which none is repeated and none out of order."""
        while count:
            said = self._event()
            if said.get("event") == "put":
                position = json.loads(said["data"])["position"]
                assert position > self._position
                self._position, count = position, count - 1

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def test_a_feed_behind_a_filter_is_cut_to_fields(port: int) -> None:
    """As every other request of the stream."""
    with asking(
        port, "GET", "/feeds/changes?after=now&magnitude__gte=8&fields=place", headers=SSE
    ) as response:
        event(response)
        for number in range(18):
            post(port, number)
        shown = [json.loads(event(response)["data"])["data"]["place"] for _ in range(2)]
    assert shown == ["n8", "n17"]


def test_a_long_export_arrives_whole(port: int) -> None:
    """To the last byte: more than any buffer on the way holds."""
    count = often(40, 200)
    with asking(port, "GET", f"/export/{count}") as response:
        assert response.status == 200
        size = checked = 0
        pattern = bytes(range(256)) * 4096
        while piece := response.read(1 << 20):
            size += len(piece)
            checked += piece == pattern[: len(piece)]
    assert (size, checked) == (count << 20, count)


def test_readers_that_leave_are_forgotten(port: int) -> None:
    """Many come and go, and the next one is served."""
    for _ in range(20):
        with asking(port, "GET", "/feeds/changes?after=now", headers=SSE) as response:
            event(response)
    done: list[int] = []

    def served() -> bool:
        with asking(port, "GET", "/brubeck") as response:
            done.append(response.status)
        return done[-1] == 200

    wait_until(served, seconds=30)
