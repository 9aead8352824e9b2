"""The bytes held for slow clients: a bound for all of them together."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.servers import Caller, wait_until
from tests.servers.programs import Program, brubeck_run

PROGRAM = "tests.attacks.holding:app"
BODY = 600_000
CLIENTS = 10
ROOM = 3
"""How many of them may be held."""

UNFINISHED = "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
FEED = (
    "GET /notes/changes HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n"
    f"Content-Length: {BODY}\r\n\r\n"
)
POLL = f"GET /notes/changes?after=now&wait=60 HTTP/1.1\r\nHost: h\r\nContent-Length: {BODY}\r\n\r\n"


def open_ones(callers: list[Caller]) -> int:
    """Read from all connections, and return the number of those that are open."""
    found = 0
    for caller in callers:
        caller.socket.setblocking(False)
        with suppress(ConnectionError):
            try:
                while caller.socket.recv(65_536):
                    pass
            except BlockingIOError:
                found += 1
    return found


@pytest.mark.parametrize("where", ["memory", "files"])
@pytest.mark.parametrize("head", [UNFINISHED, FEED, POLL], ids=["unfinished", "feed", "poll"])
def test_bodies_are_bounded_for_all_clients_together(head: str, where: str) -> None:
    """Each of 20,000 connections could hold a mebibyte in memory, or 64 of them in a file."""
    few, many = str(ROOM * (BODY + 100_000)), "1GB"
    held, spooled, spool = (few, many, "1MB") if where == "memory" else (many, few, "64k")
    with (
        brubeck_run(
            PROGRAM, server_max_held=held, server_max_spooled=spooled, server_spool=spool
        ) as server,
        ExitStack() as stack,
    ):
        callers = [stack.enter_context(Caller(server.port)) for _ in range(CLIENTS)]
        for caller in callers:
            caller.send(head.encode() + b"x" * BODY)
        wait_until(lambda: open_ones(callers) <= ROOM)
        assert open_ones(callers) > 0
        with Caller(server.port) as other:
            other.get("/notes")
            assert other.response().status == 200


def test_answers_that_are_not_read_are_bounded_for_all_clients_together() -> None:
    """Each of 20,000 connections could leave a step of an export unread."""
    body = b'{"text":"%b"}' % (b"x" * 1_000_000)
    head = b"POST /notes HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    with (
        brubeck_run(PROGRAM, server_max_held="3MB") as server,
        ExitStack() as stack,
        Caller(server.port) as writer,
    ):
        for _ in range(10):
            writer.send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert writer.response().read()
        before = sockets(server)
        callers = [stack.enter_context(Caller(server.port, receive_buffer=4096)) for _ in range(8)]
        for caller in callers:
            caller.get("/notes.ndjson")
            assert caller.response().status == 200
        wait_until(lambda: sockets(server) <= before + 3)
        writer.get("/notes?limit=1")
        assert writer.response().read()


def sockets(server: Program) -> int:
    """Return how many sockets a process has."""
    found = 0
    for each in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            found += str(each.readlink()).startswith("socket:")
    return found


def test_what_is_within_the_bounds_is_answered() -> None:
    """A body in a file."""
    with brubeck_run(PROGRAM, server_spool="64k") as server, Caller(server.port) as caller:
        caller.send(UNFINISHED.encode() + b"x" * 1_000_000)
        assert caller.response().status == 404
