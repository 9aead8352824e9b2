"""Requests and answers over a genuine Mongrel2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import IncompleteRead
from pathlib import Path
from threading import Event

import pytest

from brubeck import green
from brubeck.connections.mongrel2 import Mongrel2Connection
from brubeck.connections.mongrel2 import clients as mongrel2_clients
from brubeck.connections.mongrel2.netstrings import encode_netstring
from brubeck.connections.mongrel2.requests import Peer
from brubeck.http import Headers, Problem, Request, Response, StreamingResponse
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import Front, Protocol, Transport, running_mongrel2, served

pytestmark = pytest.mark.mongrel2


def take_five(request: Request) -> Response:
    return Response(b"Take five!", headers=Headers({"Content-Type": "text/plain"}))


class Service:
    """A front server and our connection to it, whose application each test chooses."""

    def __init__(self) -> None:
        self.respond: Callable[[Request], Response] = take_five
        self.port = 0

    def __call__(self, request: Request) -> Response:
        return self.respond(request)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Service, Mongrel2Connection]]:
    service = Service()
    with running_mongrel2() as front, served(front, service) as connection:
        service.port = front.port
        yield service, connection


@pytest.fixture
def service(shared: tuple[Service, Mongrel2Connection]) -> Service:
    shared[0].respond = take_five
    return shared[0]


@pytest.fixture
def connection(shared: tuple[Service, Mongrel2Connection]) -> Mongrel2Connection:
    return shared[1]


@pytest.mark.parametrize("protocol", ["json", "tnetstring"])
@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_request_arrives_as_it_was_sent(protocol: Protocol, transport: Transport) -> None:
    """Everything in it is there, the same over each encoding and transport."""
    seen: list[Request] = []

    def respond(request: Request) -> Response:
        seen.append(request)
        return Response(b"ok")

    with (
        running_mongrel2(protocol=protocol, transport=transport) as front,
        served(front, respond),
        Caller(front.port) as caller,
    ):
        caller.send(
            b"PATCH /caf%C3%A9//x;y?q=%41&b&q=2 HTTP/1.1\r\nHost: example.org:80\r\n"
            b'X-Note: "a\\b"\r\nX-Note: t\xe9w\to\r\nContent-Length: 4\r\n\r\n\x00\xff{}'
        )
        assert caller.response().read() == b"ok"
        (request,) = seen
        assert request.method == "PATCH"
        assert request.target == "/caf%C3%A9//x;y?q=%41&b&q=2"
        assert request.path == "/café//x;y"
        assert request.query_pairs == [("q", "A"), ("b", ""), ("q", "2")]
        assert request.headers.get_all("x-note") == ['"a\\b"', "t\xe9w\to"]
        assert sorted(request.headers) == ["content-length", "host", "x-note"]
        assert request.body == b"\x00\xff{}"
        assert request.version == "1.1"
        assert (request.remote_addr, request.scheme) == ("127.0.0.1", "http")
        assert request.host == "example.org:80"
        assert isinstance(request.connection, Peer)
        assert request.connection.sender.decode() == front.ident


def test_an_answer_arrives_as_it_was_made(service: Service) -> None:
    """Status, headers and body, with only the framing added; the connection is kept."""
    with Caller(service.port) as caller:
        for _ in range(3):
            caller.get("/")
            response = caller.response()
            assert (response.status, response.reason) == (200, "OK")
            names = [name for name, _ in response.getheaders()]
            assert names == ["Content-Type", "Content-Length", "Date", "Server"]
            assert response.read() == b"Take five!"


def test_head_has_the_length_and_no_body(service: Service) -> None:
    """What follows on the connection is the next answer."""
    with Caller(service.port) as caller:
        caller.get("/", method="HEAD")
        response = caller.response("HEAD")
        assert response.headers["Content-Length"] == "10"
        caller.get("/")
        assert caller.response().read() == b"Take five!"


@pytest.mark.parametrize(
    ("version", "line", "kept"),
    [
        ("1.1", "X-None: 1", True),
        ("1.1", "Connection: close", False),
        ("1.0", "X-None: 1", False),
        ("1.0", "Connection: keep-alive", True),
    ],
)
def test_the_connection_ends_when_the_client_wants_it(
    service: Service, version: str, line: str, kept: bool
) -> None:
    """Mongrel2 leaves that to its handlers, so the answer says it and does it."""
    with Caller(service.port) as caller:
        caller.get("/", line, version=version)
        assert caller.response().read() == b"Take five!"
        if kept:
            caller.get("/", "Connection: close")
        assert caller.rest().endswith(b"Take five!" if kept else b"")
        assert caller.socket.recv(1) == b""


def test_pipelined_requests_are_answered_in_their_order(service: Service) -> None:
    """Mongrel2 hands them on at once; a first one that takes its time still goes first."""
    last_came = Event()

    def respond(request: Request) -> Response:
        if request.path == "/1":
            last_came.wait(0.2)  # it cannot come: it waits for this one
        if request.path == "/20":
            last_came.set()
        return Response(request.path)

    service.respond = respond
    with Caller(service.port) as caller:
        caller.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(1, 21)))
        assert [caller.response().read() for _ in range(20)] == [b"/%d" % n for n in range(1, 21)]


def test_streams_go_in_chunks_or_end_with_the_connection(service: Service) -> None:
    """HTTP/1.1 gets chunks and keeps the connection; HTTP/1.0 reads to its end."""
    service.respond = lambda _: StreamingResponse([b"take ", b"", b"five"])
    with Caller(service.port) as caller:
        for _ in range(2):
            caller.get("/")
            response = caller.response()
            assert response.headers["Transfer-Encoding"] == "chunked"
            assert response.read() == b"take five"
    with Caller(service.port) as caller:
        caller.get("/", version="1.0")
        response = caller.response()
        assert response.headers["Connection"] == "close"
        assert response.read() == b"take five"


@pytest.mark.parametrize("length", [None, "8", "80"])
def test_a_stream_that_fails_cannot_look_whole(service: Service, length: str | None) -> None:
    """Its connection is cut, and what comes after it on another one is served."""

    def chunks() -> Iterator[bytes]:
        yield b"take"
        raise RuntimeError("no five")

    headers = Headers({} if length is None else {"Content-Length": length})
    service.respond = lambda _: StreamingResponse(chunks(), headers=headers)
    with Caller(service.port) as caller:
        caller.get("/")
        with pytest.raises(IncompleteRead):
            caller.response().read()
    service.respond = take_five
    with Caller(service.port) as caller:
        caller.get("/")
        assert caller.response().read() == b"Take five!"


def test_what_an_application_raises_becomes_a_500(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller sees a request id and nothing else; the log has both."""

    def respond(request: Request) -> Response:
        raise RuntimeError("secret") if request.path == "/" else Problem(418)

    service.respond = respond
    with Caller(service.port) as caller:
        caller.get("/")
        response = caller.response()
        body = response.read()
        assert response.status == 500
        assert b"request_id" in body
        assert b"secret" not in body
        assert "secret" in caplog.text
        caller.get("/problem")
        assert caller.response().status == 418


def test_nothing_is_remembered_of_clients_that_were_answered(
    service: Service, connection: Mongrel2Connection
) -> None:
    """However a connection ends, its client is forgotten."""
    service.respond = lambda _: StreamingResponse([b"x" * 100_000] * 3)
    for line in ("X-None: 1", "Connection: close"):
        with Caller(service.port) as caller:
            caller.get("/", line)
            assert len(caller.response().read()) == 300_000
    wait_until(lambda: not len(connection.clients))


def test_one_message_reaches_many_connections(
    service: Service, connection: Mongrel2Connection
) -> None:
    """More connections than Mongrel2 takes in one message are told in several."""
    peers: list[Peer] = []
    everybody, done = Event(), Event()

    def respond(request: Request) -> Response:
        assert isinstance(request.connection, Peer)
        peers.append(request.connection)
        if len(peers) == 300:
            everybody.set()
        done.wait(30)
        return Response(b"", 204)

    service.respond = respond
    with ExitStack() as stack:
        callers = [stack.enter_context(Caller(service.port)) for _ in range(300)]
        for caller in callers:
            caller.get("/")
        assert everybody.wait(30)
        ids = [peer.conn_id for peer in peers]
        connection.send_many(peers[0].sender, ids, b"HTTP/1.1 204 No Content\r\n\r\n")
        for caller in callers:
            assert caller.response().status == 204
        done.set()


def test_requests_beyond_the_pool_wait() -> None:
    """One place serves many callers, one after the other."""
    with (
        running_mongrel2() as front,
        served(front, take_five, pool_size=1),
        ExitStack() as stack,
    ):
        callers = [stack.enter_context(Caller(front.port)) for _ in range(30)]
        for caller in callers:
            caller.get("/")
        for caller in callers:
            assert caller.response().read() == b"Take five!"


def test_requests_beyond_the_backlog_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot be served in time is told so at once, and when to try again."""
    monkeypatch.setattr(mongrel2_clients, "BACKLOG", 1)
    taken, done = Event(), Event()

    def respond(request: Request) -> Response:
        taken.set()
        done.wait(30)
        return Response()

    with (
        running_mongrel2() as front,
        served(front, respond, pool_size=1) as connection,
        Caller(front.port) as first,
        Caller(front.port) as second,
        Caller(front.port) as third,
    ):
        first.get("/")
        assert taken.wait(10)
        second.get("/")
        wait_until(lambda: connection.clients.waiting)
        third.get("/")
        response = third.response()
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        done.set()
        assert [each.response().status for each in (first, second)] == [200, 200]


def test_a_broken_message_is_dropped(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Whoever speaks on Mongrel2's socket, the loop goes on with the next message."""
    push, replies = green.zmq_socket("PUSH"), green.zmq_socket("XSUB")
    headers = b'{"METHOD":"GET","PATH":"/","VERSION":"HTTP/1.1","host":"h"}'
    good = b"front 7 / " + encode_netstring(headers) + encode_netstring(b"")
    front = Front(
        tmp_path, 0, push.bind("tcp://127.0.0.1:*"), replies.bind("tcp://127.0.0.1:*"), ""
    )
    with served(front, take_five) as connection:
        replies.send(b"\1")  # subscribe to everything, as Mongrel2 does
        # ZeroMQ takes in who connects only while it is called.
        wait_until(lambda: replies.poll(0) or connection.ready.is_set())
        for broken in (b"", b"\0", b"front 7 / 5:{},0:,", good[:-1], good + b"x", good[1:] * 2):
            push.send(broken)
        push.send(good)
        assert replies.recv().startswith(b"front 1:7, HTTP/1.1 200 OK\r\n")
    assert caplog.text.count("Dropped a message") == 6
    push.close()
    replies.close()


def test_too_many_pipelined_requests_are_cut(
    service: Service, connection: Mongrel2Connection
) -> None:
    """A connection that asks for ever and lets nobody answer does not fill the memory."""
    done = Event()

    def respond(request: Request) -> Response:
        done.wait(30)
        return Response()

    service.respond = respond
    with Caller(service.port) as caller:
        caller.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 300)
        assert caller.rest() == b""
        done.set()
