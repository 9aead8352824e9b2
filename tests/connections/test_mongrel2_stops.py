"""A program behind Mongrel2 that is stopped, and a front server that starts anew."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from time import sleep

import pytest

from brubeck.http import Headers, Request, Response, StreamingResponse
from tests.servers import Caller
from tests.servers.mongrel2 import running_mongrel2, served

pytestmark = pytest.mark.mongrel2


def take_five(request: Request) -> Response:
    return Response(b"Take five!", headers=Headers({"Content-Type": "text/plain"}))


def test_an_application_without_a_front_server_stops() -> None:
    """It waits for Mongrel2 as long as it takes, and can be told to stop meanwhile."""
    with running_mongrel2() as front:
        front.stop()
        with served(front, take_five):
            pass


def test_what_is_in_hand_is_finished_before_the_end() -> None:
    """A request under way is answered; a feed, which its reader resumes, ends at once."""
    first_part, finish = Event(), Event()

    def feed() -> Iterator[bytes]:
        yield b"event"
        first_part.set()
        finish.wait(30)

    def respond(request: Request) -> Response:
        if request.path == "/feed":
            return StreamingResponse(feed(), endless=True)
        first_part.set()
        finish.wait(30)
        return Response(b"done")

    with (
        running_mongrel2() as front,
        served(front, respond) as connection,
        Caller(front.port) as slow,
        Caller(front.port) as reader,
    ):
        reader.get("/feed")
        assert first_part.wait(10)
        first_part.clear()
        slow.get("/")
        assert first_part.wait(10)
        connection.stop()
        assert reader.response().read() == b"event"
        assert reader.rest() == b""
        finish.set()
        response = slow.response()
        assert response.headers["Connection"] == "close"
        assert response.read() == b"done"


def test_a_handler_that_waits_is_told_when_nobody_else_does() -> None:
    """Its client has left, or the program is to stop; then it is answered, and the last one."""
    taken, ended = Event(), Event()

    def respond(request: Request) -> Response:
        taken.set()
        while request.may_wait():
            sleep(0.005)
        ended.set()
        return Response(b"enough")

    with running_mongrel2() as front, Caller(front.port) as caller:
        with served(front, respond, grace_seconds=3600):
            with Caller(front.port) as leaver:
                leaver.get("/")
                assert taken.wait(10)
                assert not ended.is_set()
            assert ended.wait(10)
            taken.clear()
            caller.get("/")
            assert taken.wait(10)
        response = caller.response()
        assert response.headers["Connection"] == "close"
        assert response.read() == b"enough"


def test_a_second_stop_is_at_once() -> None:
    """Whatever is left of the grace."""
    taken, finish = Event(), Event()

    def respond(request: Request) -> Response:
        taken.set()
        finish.wait(60)
        return Response(b"too late")

    with running_mongrel2() as front, Caller(front.port) as caller:
        with served(front, respond, grace_seconds=3600) as connection:
            caller.get("/")
            assert taken.wait(10)
            connection.stop()
        assert caller.rest() == b""
        finish.set()


def test_what_is_not_finished_in_the_grace_is_cut() -> None:
    """A request that would go on for ever does not keep the program."""
    taken, finish = Event(), Event()

    def respond(request: Request) -> Response:
        taken.set()
        finish.wait(30)
        return Response(b"too late")

    with running_mongrel2() as front, Caller(front.port) as caller:
        with served(front, respond, grace_seconds=0.1):
            caller.get("/")
            assert taken.wait(10)
        assert caller.rest() == b""
        finish.set()


def test_a_front_server_that_starts_anew_is_served() -> None:
    """Its clients are strangers: they get their own answers and nothing meant for others."""
    more = Event()

    def feed() -> Iterator[bytes]:
        yield b"first"
        more.wait(30)
        yield b"for somebody who is gone"

    def respond(request: Request) -> Response:
        return StreamingResponse(feed(), endless=True) if request.path == "/feed" else Response()

    with running_mongrel2() as front, served(front, respond):
        with Caller(front.port) as caller:
            caller.get("/feed")
            assert caller.response().read(5) == b"first"
            front.stop()
            assert caller.rest() == b"\r\n"  # the end of the chunk, and no more
        front.start()
        with Caller(front.port) as caller:
            caller.get("/")
            assert caller.response().status == 200
            more.set()
            caller.get("/", "Connection: close")
            assert b"somebody" not in caller.rest()
