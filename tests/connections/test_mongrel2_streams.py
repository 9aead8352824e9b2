"""Long and endless answers over a genuine Mongrel2, to quick, slow and vanishing readers.

Everything holds with Mongrel2's ``download.flow_control`` and without it; what only holds with it
says so.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from threading import Event

import pytest

from brubeck import green
from brubeck.connections.mongrel2 import replies
from brubeck.connections.mongrel2.pacing import CREDITS
from brubeck.connections.mongrel2.replies import MAX_UNTAKEN
from brubeck.http import Request, Response, StreamingResponse
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import Front, Protocol, running_mongrel2, served
from tests.servers.processes import suspend

pytestmark = pytest.mark.mongrel2

CHUNK = bytes(range(256)) * 256
EXPORT = 3200  # chunks: 200 MiB
SMALL_BUFFER = 16 * 1024


class Source:
    """An application whose one answer is a stream, and who knows how far it is."""

    def __init__(self, chunks: Iterator[bytes], *, endless: bool = False) -> None:
        self._chunks = chunks
        self._endless = endless
        self.produced = 0
        self.ended = Event()
        self.closed = Event()

    def __call__(self, request: Request) -> Response:
        return StreamingResponse(self._count(), endless=self._endless)

    def _count(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                self.produced += len(chunk)
                yield chunk
            self.ended.set()
        finally:
            self.closed.set()


def events(number: int) -> Iterator[bytes]:
    return (b"data: %d\n\n" % each for each in range(number))


def digest(response: HTTPResponse) -> tuple[int, str]:
    size, sha = 0, hashlib.sha256()
    while piece := response.read(1 << 20):
        size += len(piece)
        sha.update(piece)
    return size, sha.hexdigest()


def export_digest() -> tuple[int, str]:
    sha = hashlib.sha256()
    for _ in range(EXPORT):
        sha.update(CHUNK)
    return EXPORT * len(CHUNK), sha.hexdigest()


@pytest.fixture(params=[0, 1], ids=["estimated", "flow_control"])
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    with running_mongrel2(settings={"download.flow_control": request.param}) as running:
        yield running


@pytest.mark.parametrize("protocol", ["json", "tnetstring"])
@pytest.mark.parametrize("flow_control", [0, 1])
def test_a_burst_of_events_arrives_whole(protocol: Protocol, flow_control: int) -> None:
    """A thousand events at once, each a chunk of its own, reach a quick reader."""
    settings = {"download.flow_control": flow_control}
    with (
        running_mongrel2(protocol=protocol, settings=settings) as front,
        served(front, Source(events(1000))),
        Caller(front.port) as caller,
    ):
        caller.get("/")
        assert caller.response().read() == b"".join(events(1000))


def test_a_burst_of_events_waits_for_a_slow_reader(front: Front) -> None:
    """A reader that begins only when all were written misses none of them."""
    source = Source(events(1000))
    with served(front, source), Caller(front.port, receive_buffer=SMALL_BUFFER) as caller:
        caller.get("/")
        assert source.ended.wait(10)
        assert caller.response().read() == b"".join(events(1000))


def test_an_export_arrives_whole(front: Front) -> None:
    """200 MiB come through to the byte."""
    source = Source(CHUNK for _ in range(EXPORT))
    with served(front, source), Caller(front.port) as caller:
        caller.get("/")
        assert digest(caller.response()) == export_digest()


def test_an_export_waits_for_a_slow_reader(front: Front) -> None:
    """A reader that stops early on, while the sender goes on or waits, still gets all of it."""
    source = Source(CHUNK for _ in range(EXPORT))
    flow_control = bool(front.settings["download.flow_control"])
    with served(front, source), Caller(front.port, receive_buffer=SMALL_BUFFER) as caller:
        caller.get("/")
        if flow_control:
            still = _stops(source)
            # What Mongrel2, the kernel and we hold; the rest is not even made yet.
            assert still < 10_000_000
        else:
            assert source.ended.wait(60)  # all of it lies in Mongrel2
        assert digest(caller.response()) == export_digest()


def _stops(source: Source) -> int:
    """Wait until a source stands still, for longer than anything takes here; return where."""
    seen = [-1] * 40

    def still() -> bool:
        seen.append(source.produced)
        del seen[0]
        return source.produced > CREDITS and len(set(seen)) == 1

    wait_until(still, seconds=30)
    return source.produced


def test_a_whole_body_of_any_size_arrives(front: Front) -> None:
    """A response that is not a stream is cut to what Mongrel2 takes, and paced like one."""
    body = CHUNK * 400

    with served(front, lambda _: Response(body)), Caller(front.port) as caller:
        for _ in range(2):
            caller.get("/")
            assert caller.response().read() == body


def test_pipelined_large_answers_arrive_whole(front: Front) -> None:
    """A reader that asks for much at once, before it reads, gets it all in order."""
    with (
        served(front, lambda _: Response(CHUNK * 8)),
        Caller(front.port, receive_buffer=SMALL_BUFFER) as caller,
    ):
        caller.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 30)
        for _ in range(30):
            assert caller.response().read() == CHUNK * 8


def test_a_source_is_closed_when_its_reader_leaves(front: Front) -> None:
    """Mongrel2 says so; a source that is just waiting notices at its next chunk."""
    left = Event()

    def feed() -> Iterator[bytes]:
        yield b"event"
        left.wait(30)
        while True:
            yield b"event"

    source = Source(feed(), endless=True)
    with served(front, source) as connection:
        with Caller(front.port) as caller:
            caller.get("/")
            assert caller.response().read(5) == b"event"
        wait_until(lambda: not len(connection.clients))
        left.set()
        assert source.closed.wait(10)
        assert not source.ended.is_set()


def test_a_front_server_that_stands_still_holds_us_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ZeroMQ would queue without end is bounded, all clients together; it then goes on."""
    # A busy machine may take longer than Mongrel2 is given to say that it still takes anything.
    monkeypatch.setattr(replies, "_TAKEN_WITHIN", 3600.0)
    produced: list[int] = []
    more = Event()

    def chunks() -> Iterator[bytes]:
        yield b"x"
        more.wait(30)
        for _ in range(800):
            produced.append(len(CHUNK))
            yield CHUNK

    def respond(request: Request) -> Response:
        return StreamingResponse(chunks())

    with running_mongrel2() as front, served(front, respond), ExitStack() as stack:
        callers = [stack.enter_context(Caller(front.port)) for _ in range(6)]
        responses = []
        for caller in callers:
            caller.get("/")
            responses.append(caller.response())
            assert responses[-1].read(1) == b"x"
        assert front.process is not None
        suspend(front.process.pid)
        try:
            more.set()
            seen = [-1] * 40

            def still() -> bool:
                seen.append(len(produced))
                del seen[0]
                return len(set(seen)) == 1

            wait_until(still, seconds=60)
            # One message beyond the bound, and what each client's next message may hold.
            assert sum(produced) < MAX_UNTAKEN + 7 * (32 << 20)
            assert len(produced) < 6 * 800
        finally:
            front.process.send_signal(signal.SIGCONT)
        for response in responses:
            assert len(response.read()) == 800 * len(CHUNK)


def test_a_front_server_is_asked_again_while_too_much_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was sent after it was asked may be too much by itself, and then nobody else asks."""
    monkeypatch.setattr(replies, "MAX_UNTAKEN", 1000)
    front = green.zmq_socket("XSUB")
    outgoing = replies.Outgoing(front.bind("tcp://127.0.0.1:*"))
    try:
        green.spawn(outgoing.follow, lambda: None)
        front.send(b"\1")  # subscribes to everything
        # ZeroMQ takes in who connects only while it is called.
        wait_until(lambda: front.poll(0) or outgoing.wait_subscribed(0))
        outgoing.send(b"front", [b"1"], b"x" * 600)
        outgoing.send(b"front", [b"1"], b"x" * 1200)
        ready = [outgoing.ready]
        while outgoing.taken():
            ready.append(outgoing.ready)
        assert ready == [False, False, True]
    finally:
        outgoing.close()
        front.close()


def test_a_reader_that_takes_nothing_is_cut() -> None:
    """Under flow control, patience ends, and the rest of the answer is dropped."""
    source = Source(CHUNK for _ in range(EXPORT))
    with (
        running_mongrel2(settings={"download.flow_control": 1}) as front,
        served(front, source, patience=0.3, beat_seconds=0.2) as connection,
        Caller(front.port, receive_buffer=SMALL_BUFFER) as caller,
    ):
        caller.get("/")
        assert source.closed.wait(20)
        assert not source.ended.is_set()
        assert len(caller.rest()) < 10_000_000
        wait_until(lambda: not len(connection.clients))


_PROGRAM = """
import sys
from brubeck import green

green.patch(sys.argv[1])
from brubeck.connections.mongrel2 import Mongrel2Connection
from brubeck.http import StreamingResponse

def respond(request):
    return StreamingResponse(b"data: %d\\n\\n" % each for each in range(1000))

Mongrel2Connection(sys.argv[2], sys.argv[3]).serve(respond)
"""


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_green_threads_serve_as_well(front: Front, engine: str) -> None:
    """A patched process does the same work with either engine."""
    command = [sys.executable, "-c", _PROGRAM, engine, front.send_spec, front.recv_spec]
    process = subprocess.Popen(command)
    try:
        callers = [Caller(front.port) for _ in range(20)]
        for caller in callers:
            caller.get("/")
        for caller in callers:
            assert caller.response().read() == b"".join(events(1000))
            caller.close()
    finally:
        process.kill()
        process.wait()
