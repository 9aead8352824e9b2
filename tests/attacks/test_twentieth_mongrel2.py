"""Requests of clients that are gone: they hold memory until their handlers return."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from threading import Event

import pytest

from brubeck.http import Request, Response
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import running_mongrel2, served

BODY = 500_000
CLIENTS = 12
ROOM = 8
"""How many bodies there is room for."""


@pytest.mark.mongrel2
@pytest.mark.parametrize("leave", [False, True], ids=["cut", "left"])
def test_requests_of_clients_that_are_gone_have_no_others_cut(*, leave: bool) -> None:
    """Nobody was served until those handlers had returned: cutting others freed nothing."""
    asked: list[str] = []
    may_go_on, looked = Event(), Event()

    def respond(request: Request) -> Response:
        asked.append(request.path)
        (may_go_on if request.path == "/slow" else looked).wait(60)
        return Response(b"short")

    def has_asked(number: int) -> bool:
        return len(asked) >= number

    settings = {"limits.content_length": 2 * BODY, "download.flow_control": 1}
    with (
        running_mongrel2(settings=settings) as front,
        served(front, respond, max_held=ROOM * BODY, beat_seconds=0.2) as connection,
        ExitStack() as stack,
        Caller(front.port) as other,
    ):
        try:
            for number in range(1, CLIENTS + 1):
                slow = stack.enter_context(Caller(front.port))
                head = f"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n"
                slow.send(head.encode() + bytes(BODY))
                wait_until(partial(has_asked, number))
                if leave:
                    slow.close()
            if leave:
                wait_until(lambda: not len(connection.clients))
            other.get("/short")
            wait_until(lambda: asked[-1] == "/short")
            connection.clients.end_excess()
            looked.set()
            assert other.response().read() == b"short"
        finally:
            looked.set()
            may_go_on.set()
