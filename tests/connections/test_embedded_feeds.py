"""Feeds that readers share, over the embedded server, and what is asked before and behind them."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest

from tests.servers import Caller, wait_until
from tests.servers.programs import Program, brubeck_run

PROGRAM = "tests.connections.feeds:app"
FEED = b"GET /notes/changes?after=now HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n"
PAGE = b"GET /notes HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture
def server() -> Iterator[Program]:
    """Serve with a grace that no test could wait for."""
    with brubeck_run(PROGRAM, green="eventlet", server_grace="1h") as program:
        yield program


def ask(server: Program, method: str, target: str, body: object = None) -> bytes:
    """Ask for something on a connection of its own."""
    sent = b"" if body is None else json.dumps(body).encode()
    with Caller(server.port) as caller:
        caller.get(
            target,
            "Content-Type: application/json",
            f"Content-Length: {len(sent)}",
            "Connection: close",
            method=method,
        )
        caller.send(sent)
        return caller.response().read()


def shared(server: Program, readers: int) -> None:
    """Wait until so many readers share what they are told."""
    wait_until(lambda: ask(server, "GET", "/readers") == b"%d" % readers)


def event(response: HTTPResponse) -> str:
    """Return the name of the next event."""
    while True:
        line = response.readline().decode()
        assert line, "the feed has ended"
        if line.startswith("event: "):
            return line.removeprefix("event: ").strip()


def test_a_stop_does_not_wait_for_what_is_behind_a_feed(server: Program) -> None:
    """The feed ends as any other; what was asked behind it has never begun."""
    with Caller(server.port) as caller:
        caller.send(FEED + PAGE)
        assert event(caller.response()) == "checkpoint"
        shared(server, 1)
        assert server.stop() == 0
        caller.rest()


def test_what_is_malformed_behind_a_feed_leaves_it_alone(server: Program) -> None:
    """The feed goes on, and the refusal comes when it has ended."""
    with Caller(server.port) as caller:
        caller.send(FEED + b"nonsense\r\n\r\n")
        feed = caller.response()
        assert event(feed) == "checkpoint"
        shared(server, 1)
        ask(server, "POST", "/notes", {"id": "a"})
        assert event(feed) == "put"
        ask(server, "POST", "/era")
        assert event(feed) == "reset"
        feed.read()
        refused = caller.response()
        assert refused.status == 400
        assert json.loads(refused.read())["status"] == 400
        assert caller.rest() == b""


def test_one_feed_comes_after_another(server: Program) -> None:
    """On one connection: a feed that was reset has ended, and the next request is the next."""
    ask(server, "POST", "/notes", {"id": "gone"})  # before its first write a stream has no era
    ask(server, "DELETE", "/notes/gone")
    with Caller(server.port) as caller:
        for _ in range(3):
            caller.send(FEED)
            feed = caller.response()
            assert event(feed) == "checkpoint"
            shared(server, 1)
            ask(server, "POST", "/era")
            assert event(feed) == "reset"
            feed.read()
        caller.send(FEED + PAGE)
        feed = caller.response()
        assert event(feed) == "checkpoint"
        shared(server, 1)
        caller.send(PAGE)
        ask(server, "POST", "/era")
        feed.read()
        assert [json.loads(caller.response().read())["data"] for _ in range(2)] == [[], []]


def test_an_old_client_follows_too(server: Program) -> None:
    """A feed over HTTP/1.0 ends with its connection."""
    with Caller(server.port) as caller:
        caller.send(FEED.replace(b"HTTP/1.1", b"HTTP/1.0"))
        feed = caller.response()
        assert event(feed) == "checkpoint"
        shared(server, 1)
        ask(server, "POST", "/notes", {"id": "a"})
        assert event(feed) == "put"
        ask(server, "POST", "/era")
        assert event(feed) == "reset"
        feed.read()
        assert caller.rest() == b""


def test_the_head_of_a_feed_is_no_feed(server: Program) -> None:
    """Nobody is kept for it, and the connection goes on."""
    with Caller(server.port) as caller:
        caller.send(FEED.replace(b"GET", b"HEAD") + PAGE)
        head = caller.response("HEAD")
        assert head.getheader("content-type") == "text/event-stream"
        head.read()
        assert json.loads(caller.response().read())["data"] == []
        assert ask(server, "GET", "/readers") == b"0"


def test_who_leaves_is_forgotten(server: Program) -> None:
    """Whether it says so or not, and though nothing is ever sent."""
    callers = [Caller(server.port) for _ in range(50)]
    for caller in callers:
        caller.send(FEED)
        assert event(caller.response()) == "checkpoint"
    shared(server, 50)
    for number, caller in enumerate(callers[:-1]):
        if number % 2:
            linger = struct.pack("ii", 1, 0)
            caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        caller.close()
    shared(server, 1)
    callers[-1].close()
    shared(server, 0)


def test_a_stop_ends_every_feed(server: Program) -> None:
    """Those that share, and those that have come at this moment."""
    callers = [Caller(server.port) for _ in range(20)]
    for caller in callers:
        caller.send(FEED)
    feeds = [caller.response() for caller in callers]
    assert {event(feed) for feed in feeds} == {"checkpoint"}
    shared(server, 20)
    assert server.stop() == 0
    for caller in callers:
        caller.rest()
        caller.close()
