"""The thirteenth attack: what clients of Mongrel2 let the program hold, and leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event
from urllib.request import urlopen

import pytest

from brubeck.connections.mongrel2 import Mongrel2Connection
from brubeck.http import Request, Response
from brubeck.http.response import StreamingResponse
from tests.attacks.test_twelfth_held import open_ones
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import Front, running_mongrel2, served

BODY = 20_000
HEAD = "{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"
CLIENTS = 12
MAX_HELD = 1_000_000

FORGED = [
    "X-Mongrel2-Upload-Done: {path}",
    "X-Mongrel2-Upload-Start: {path}",
    "X-Mongrel2-Upload-Start: {path}\r\nX-Mongrel2-Upload-Done: {path}",
    "X-Mongrel2-Upload-Done: a\r\nX-Mongrel2-Upload-Done: b\r\nX-Mongrel2-Upload-Start: a",
]


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    return HEAD.format(method=method, path=path, size=len(body)).encode() + body


class Program:
    """Answers slowly at some paths, until it is released."""

    def __init__(self) -> None:
        self.released = Event()

    def respond(self, request: Request) -> Response:
        """Return an answer at once, later, or as a stream that goes on."""
        if request.path == "/slow":
            self.released.wait(60)
        if request.path == "/stream":
            return StreamingResponse(self._parts())
        return Response(b"done")

    def _parts(self) -> Iterator[bytes]:
        yield b"begun"
        self.released.wait(60)


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """Yield a Mongrel2."""
    settings = {"download.flow_control": 1, "limits.content_length": BODY + 1}
    with running_mongrel2(settings=settings) as front:
        yield front


@pytest.fixture(scope="module")
def program(front: Front) -> Iterator[tuple[Program, Mongrel2Connection]]:
    """Yield the program behind it."""
    program = Program()
    with served(front, program.respond, max_held=MAX_HELD) as connection:
        yield program, connection
        program.released.set()


@pytest.mark.parametrize("path", ["/slow", "/stream"])
def test_requests_behind_mongrel2_are_bounded_for_all_clients_together(
    front: Front, program: tuple[Program, Mongrel2Connection], path: str
) -> None:
    """Each connection could have a hundred of them wait for one that takes long, and its body."""
    slow, connection = program
    slow.released.clear()
    with ExitStack() as stack:
        callers = [stack.enter_context(Caller(front.port)) for _ in range(CLIENTS)]
        for caller in callers:
            caller.send(request("GET", path, bytes(BODY)))
            caller.send(request("POST", "/", bytes(BODY)) * 9)
        most = MAX_HELD // (10 * BODY)
        wait_until(lambda: open_ones(callers) <= most)
        assert connection.clients._held <= MAX_HELD
        with urlopen(front.url + "/", timeout=10) as answer:
            assert answer.read() == b"done"
        assert open_ones(callers) > 0
        slow.released.set()
        wait_until(lambda: not connection.clients._held)


@pytest.mark.parametrize("forged", FORGED)
def test_no_header_of_a_client_leaves_a_body_behind(
    front: Front, program: tuple[Program, Mongrel2Connection], forged: str
) -> None:
    """Mongrel2 overwrites its own, so the body is found, read and removed."""
    assert program
    head = forged.format(path=front.uploads / "other")
    body = bytes(5 * BODY)
    with Caller(front.port) as caller:
        caller.send(request("POST", "/", body).replace(b"Host: h", b"Host: h\r\n" + head.encode()))
        assert caller.response().status == 200
    wait_until(lambda: not list(front.uploads.iterdir()))


def waiting(connection: Mongrel2Connection) -> int:
    """Return how many requests wait for others."""
    return sum(len(each.inbox) for each in list(connection.clients._clients.values()))


def test_a_client_that_leaves_takes_its_waiting_bodies_along(
    front: Front, program: tuple[Program, Mongrel2Connection]
) -> None:
    """They would stay on the disk."""
    slow, connection = program
    slow.released.clear()
    with Caller(front.port) as caller:
        caller.send(request("GET", "/slow"))
        wait_until(lambda: connection.clients._held and not waiting(connection))  # it is in hand
        for count in range(1, 4):
            caller.send(request("POST", "/", bytes(5 * BODY)))
            wait_until(lambda: waiting(connection) == count)  # noqa: B023, it ends before the next
            assert len(list(front.uploads.iterdir())) == count
    wait_until(lambda: not list(front.uploads.iterdir()))
    slow.released.set()
    wait_until(lambda: not connection.clients._held)
