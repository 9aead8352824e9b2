"""The fourteenth attack: bodies that Mongrel2 stores in files, for all clients together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from threading import Event
from urllib.request import urlopen

import pytest

from brubeck.connections.mongrel2 import Mongrel2Connection
from brubeck.http import Request, Response
from tests.attacks.test_twelfth_held import open_ones
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import Front, running_mongrel2, served

BODY = 100_000
MAX_BODY = 2 * BODY
CLIENTS = 6
WAITING = 3
ROOM = 2
"""How many of them may have as many bodies."""
MAX_SPOOLED = ROOM * WAITING * BODY


class Program:
    """Answers slowly at one path, until it is released."""

    def __init__(self) -> None:
        self.released = Event()

    def respond(self, request: Request) -> Response:
        """Return an answer at once or later."""
        if request.path == "/slow":
            self.released.wait(60)
        return Response(b"done")


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """Yield a Mongrel2 that stores bodies."""
    settings = {"download.flow_control": 1, "limits.content_length": 5000}
    with running_mongrel2(settings=settings) as front:
        yield front


@pytest.fixture(scope="module")
def program(front: Front) -> Iterator[tuple[Program, Mongrel2Connection]]:
    """Yield the program behind it."""
    program = Program()
    limits = {"max_body": MAX_BODY, "max_spooled": MAX_SPOOLED}
    with served(front, program.respond, **limits) as connection:
        yield program, connection
        program.released.set()


def post(path: str, size: int = BODY) -> bytes:
    """Return a request with a body in one piece."""
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + bytes(size)


def in_chunks(path: str) -> bytes:
    """Return a request with a body of the same size in chunks."""
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{BODY:x}\r\n"
    return head.encode() + bytes(BODY) + b"\r\n0\r\n\r\n"


def in_hand(connection: Mongrel2Connection) -> int:
    """Return how many connections have a request that is being answered."""
    return sum(each.in_hand is not None for each in list(connection.clients._clients.values()))


@pytest.mark.parametrize("make", [post, in_chunks])
def test_stored_bodies_are_bounded_for_all_clients_together(
    front: Front,
    program: tuple[Program, Mongrel2Connection],
    make: Callable[[str], bytes],
) -> None:
    """Each connection could have a hundred of them wait, and fill the disk."""
    slow, connection = program
    clients = connection.clients
    slow.released.clear()
    with ExitStack() as stack:
        callers = []
        for number in range(CLIENTS):
            callers.append(caller := stack.enter_context(Caller(front.port)))
            caller.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            wait_until(lambda: in_hand(connection) > min(number, ROOM - 1))  # noqa: B023, it ends before the next
            for _ in range(WAITING):
                before = clients._spooled
                # One at a time: Mongrel2 writes a request that is right behind into the file.
                caller.send(make("/"))
                wait_until(lambda: clients._spooled != before)  # noqa: B023, likewise
                wait_until(lambda: clients._spooled <= MAX_SPOOLED)
        assert 0 < open_ones(callers) <= ROOM
        assert len(list(front.uploads.iterdir())) <= ROOM * WAITING
        with urlopen(front.url + "/", timeout=10) as answer:
            assert answer.read() == b"done"
        slow.released.set()
        wait_until(lambda: not clients._spooled)
        wait_until(lambda: not list(front.uploads.iterdir()))


@pytest.mark.parametrize("length", ["{}", "+{}", "0{}"])
def test_a_body_that_is_announced_too_long_is_not_received(
    front: Front, program: tuple[Program, Mongrel2Connection], length: str
) -> None:
    """Mongrel2 wrote bodies of any length to the disk, and then they were a 413."""
    assert program
    said = length.format(1000 * MAX_BODY)
    head = f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {said}\r\n\r\n"
    with Caller(front.port) as caller:
        caller.send(head.encode() + bytes(BODY))
        assert caller.response().status == 413
        with suppress(ConnectionError):
            assert caller.socket.recv(1) == b""
    wait_until(lambda: not list(front.uploads.iterdir()))


def test_a_refused_body_does_not_come_between_answers(
    front: Front, program: tuple[Program, Mongrel2Connection]
) -> None:
    """A refusal behind an unfinished answer ends the connection."""
    slow, connection = program
    slow.released.clear()
    with Caller(front.port) as caller:
        caller.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(lambda: in_hand(connection) == 1)
        caller.send(post("/", 10 * MAX_BODY)[:BODY])
        with suppress(ConnectionError):
            assert caller.socket.recv(1) == b""
    slow.released.set()
    wait_until(lambda: not connection.clients._held)


def test_a_kept_connection_is_told_why_its_body_is_refused(
    front: Front, program: tuple[Program, Mongrel2Connection]
) -> None:
    """The requests before it were answered."""
    assert program
    with Caller(front.port) as caller:
        for _ in range(3):
            caller.send(post("/"))
            assert caller.response().read() == b"done"
        caller.send(post("/", MAX_BODY + 1)[:BODY])
        assert caller.response().status == 413
