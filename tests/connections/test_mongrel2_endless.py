"""Feeds over a genuine Mongrel2: they need no place, are kept alive, and end with their reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from http.client import HTTPResponse
from threading import Event

import pytest

from brubeck import Brubeck
from brubeck.connections.mongrel2 import replies
from brubeck.http import Request, Response, StreamingResponse
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.servers import Caller
from tests.servers.mongrel2 import Front, running_mongrel2, served
from tests.soak import often

pytestmark = pytest.mark.mongrel2


@pytest.fixture(params=[0, 1], ids=["estimated", "flow_control"])
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    with running_mongrel2(settings={"download.flow_control": request.param}) as running:
        yield running


class Subscription:
    """A source that can be closed while it waits, as a feed's can."""

    def __init__(self) -> None:
        self.closed = Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b"event"
        self.closed.wait(30)

    def close(self) -> None:
        self.closed.set()


def test_feeds_need_no_place_and_one_message_reaches_them_all(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many more follow than may be served at once, and others are still served."""
    told: list[int] = []
    send = replies.Outgoing.send

    def counted(way: replies.Outgoing, sender: bytes, ids: Sequence[bytes], data: bytes) -> None:
        if b'"id":"news"' in data and b"event: put" in data:
            told.append(len(ids))
        send(way, sender, ids, data)

    monkeypatch.setattr(replies.Outgoing, "send", counted)
    attributes = {"model": StreamedDocument, "path": "/notes"}
    app = Brubeck(streams=[type("Notes", (StreamHandler,), attributes)])
    with served(front, app.respond, pool_size=4) as connection, ExitStack() as stack:
        followers = []
        for _ in range(60):
            caller = stack.enter_context(Caller(front.port))
            caller.get("/notes/changes", "Accept: text/event-stream")
            followers.append(caller.response())
        for follower in followers:
            _read_until(follower, b'"caught_up":true')
        Client(app).post("/notes", json={"id": "news"})
        for follower in followers:
            _read_until(follower, b'"id":"news"')
        assert sum(told) == 60
        assert max(told) > 30
        with Caller(front.port) as caller:
            caller.get("/notes/news")
            assert caller.response().status == 200
        assert len(connection.clients) >= 60
    app.close()


def _read_until(response: HTTPResponse, mark: bytes) -> None:
    while mark not in response.readline():
        pass


def test_a_waiting_source_is_closed_at_once(front: Front) -> None:
    """Its close is called when the notice comes, not when the next event does."""
    subscription = Subscription()

    def respond(request: Request) -> Response:
        return StreamingResponse(subscription, endless=True)

    with served(front, respond):
        with Caller(front.port) as caller:
            caller.get("/")
            assert caller.response().read(5) == b"event"
        assert subscription.closed.wait(10)


def test_a_quiet_feed_is_kept_alive() -> None:
    """Mongrel2 closes who is silent too long; what we still answer is not silent."""
    settings = {
        "limits.tick_timer": 1,
        "limits.min_ping": 1,
        "limits.min_read_rate": 0,
        "limits.min_write_rate": 0,
        "limits.kill_limit": 0,
    }
    enough = Event()

    def feed() -> Iterator[bytes]:
        yield b"first"
        enough.wait(30)
        yield b"last"

    def respond(request: Request) -> Response:
        return StreamingResponse(feed()) if request.path == "/feed" else Response()

    with (
        running_mongrel2(settings=settings) as front,
        served(front, respond, beat_seconds=0.3),
        Caller(front.port) as reader,
    ):
        reader.get("/feed")
        response = reader.response()
        assert response.read(5) == b"first"
        for _ in range(often(1, 5)):
            with Caller(front.port) as silent:
                silent.get("/")
                assert silent.response().status == 200
                assert silent.rest() == b""  # closed by Mongrel2
        enough.set()
        assert response.read() == b"last"
