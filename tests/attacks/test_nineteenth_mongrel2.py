"""Clients of Mongrel2 that send more while they read nothing, and the thread that receives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from brubeck.connections.mongrel2.clients import Clients
from brubeck.connections.mongrel2.messages import Message
from brubeck.connections.mongrel2.pacing import CREDITS, CreditWindow
from brubeck.connections.mongrel2.replies import Outbox, Outgoing
from brubeck.connections.mongrel2.requests import Peer
from brubeck.http import Request, Response, StreamingResponse
from brubeck.http.problems import Problem
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import running_mongrel2, served

PATIENCE = 20.0
MESSAGE = Message(b"front", b"1", {"METHOD": "GET"}, [], b"")


@pytest.mark.mongrel2
def test_a_request_during_a_feed_has_no_window_of_its_own() -> None:
    """With one, Mongrel2 was sent too much, and cut a connection for which data waited."""
    asked: list[str] = []

    def respond(request: Request) -> Response:
        asked.append(request.path)
        if request.path == "/short":
            return Response(b"short")
        return StreamingResponse((b"x" * 65_536 for _ in range(500)), endless=True)

    settings = {"download.flow_control": 1}
    with (
        running_mongrel2(settings=settings) as front,
        served(front, respond) as connection,
        Caller(front.port, receive_buffer=4096) as reader,
        Caller(front.port) as other,
    ):
        reader.get("/feed")
        wait_until(lambda: asked)
        for _ in range(5):
            reader.get("/feed")
            for _ in range(10):
                other.get("/short")
                assert other.response().read() == b"short"
        assert asked.count("/feed") == 1
        assert "Failed to deliver" not in front.log
        wait_until(lambda: len(connection.clients) == 1)


@pytest.fixture
def outgoing(tmp_path: Path) -> Iterator[Outgoing]:
    """Yield a socket that nobody has subscribed to: nothing leaves."""
    socket = Outgoing(f"ipc://{tmp_path}/replies")
    yield socket
    socket.close()


@pytest.mark.parametrize("waiting", [0, CREDITS - 1, CREDITS])
def test_the_thread_that_receives_waits_for_no_client(outgoing: Outgoing, waiting: int) -> None:
    """A refusal waited until its client had read: nobody else was served for a minute."""
    outbox = Outbox(
        Peer(b"front", b"1"), CreditWindow(), outgoing, drained=lambda _: None, patience=PATIENCE
    )
    outbox._buffer += bytes(waiting)

    def refuse_all(message: Message, outbox: Outbox) -> None:
        raise AssertionError

    clients = Clients(0, lambda _: outbox, refuse_all, lambda _: None, size_stored=lambda _: 0)
    began = monotonic()
    clients.refuse(MESSAGE, Problem(413))
    clients.ask(MESSAGE, new=False)
    assert monotonic() < began + PATIENCE / 2
