"""The embedded server as a real process, spoken to byte by byte."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests.connections.asking import GET, QUICK, whole
from tests.servers import Caller, wait_until
from tests.servers.programs import Program, brubeck_run


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest) -> Iterator[Program]:
    """Serve with short times and small limits, on each engine."""
    with brubeck_run(
        QUICK,
        green=request.param,
        server_head_timeout="1s",
        server_body_timeout="1s",
        server_idle_timeout="1s",
        server_max_head="4k",
        server_max_body="1MB",
    ) as program:
        yield program


@pytest.fixture
def caller(server: Program) -> Iterator[Caller]:
    """Connect to it."""
    with Caller(server.port) as caller:
        yield caller


def test_a_stream_that_breaks_off_does_not_look_whole(caller: Caller) -> None:
    """To HTTP/1.0, whose bodies end with the connection: it is reset, not closed."""
    caller.send(b"GET /broken HTTP/1.0\r\nHost: h\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        caller.rest()


def test_a_connection_is_kept(caller: Caller) -> None:
    """One request after another over the same one."""
    for _ in range(3):
        caller.send(GET)
        response = caller.response()
        assert response.getheader("connection") is None
        assert whole(response)[0] == 200


def test_pipelined_requests_are_answered_in_their_order(caller: Caller) -> None:
    """All of them, however they are cut."""
    post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b"
    requests = b"".join(post % (n, b"x" * n) for n in range(50))
    last = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    caller.send(requests[:777])
    caller.send(requests[777:] + last)
    text = caller.rest()
    lengths = [int(part.split(b"\r\n\r\n")[1].split()[1]) for part in text.split(b"HTTP/1.1 ")[1:]]
    assert lengths == [*range(50), 0]


@pytest.mark.parametrize(
    ("request_", "closes"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
    ],
)
def test_who_wants_the_end_gets_it(caller: Caller, request_: bytes, closes: bool) -> None:
    """And an old client that wants to stay is told that it may."""
    caller.send(request_)
    response = caller.response()
    assert response.getheader("connection") == ("close" if closes else "keep-alive")
    response.read()
    if closes:
        assert caller.rest() == b""
    else:
        caller.send(request_)
        assert caller.response().status == 200


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (
            b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 5000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 500_000, 413),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    ],
)
def test_what_is_malformed_is_told_so_and_cut_off(caller: Caller, raw: bytes, status: int) -> None:
    """After what was asked before it has been answered."""
    caller.send(GET + raw)
    assert whole(caller.response())[0] == 200
    response = caller.response()
    assert response.status == status
    assert response.getheader("connection") == "close"
    assert json.loads(response.read())["status"] == status
    assert caller.rest() == b""


def test_leave_to_send_a_body_is_given(caller: Caller) -> None:
    """And refused before the body is sent, where it is too long."""
    head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    caller.send(head % 5)
    assert caller.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    caller.send(b"hello")
    assert whole(caller.response())[1].endswith(b" 5")
    caller.send(head % 2_000_000)
    assert caller.response().status == 413


@pytest.mark.parametrize(
    "part", [b"GET / HT", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe"]
)
def test_a_request_that_does_not_come_is_not_waited_for(caller: Caller, part: bytes) -> None:
    """408 in the middle of one."""
    caller.send(part)
    assert caller.response().status == 408
    assert caller.rest().endswith(b"}")


def test_a_head_that_trickles_in_has_one_time_for_all_of_it(caller: Caller) -> None:
    """Each byte does not buy another second."""
    caller.socket.settimeout(0.2)
    caller.send(b"GET / HTTP/1.1\r\nHost: h\r\n")
    answered = b""
    for _ in range(100):
        try:
            caller.send(b"X: y\r\n")
            answered = caller.socket.recv(1000)
        except TimeoutError:
            continue
        break
    assert answered.startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed(caller: Caller) -> None:
    """Without a word, since nothing was asked."""
    caller.send(GET)
    caller.response().read()
    assert caller.rest() == b""


def test_a_stream_that_breaks_cannot_look_whole(caller: Caller, server: Program) -> None:
    """Its last chunk is missing, and the log says why."""
    caller.get("/broken")
    text = caller.rest()
    assert b"the beginning" in text
    assert not text.endswith(b"0\r\n\r\n")
    wait_until(lambda: "and no end" in server.output)


def test_a_reader_that_goes_away_ends_the_stream(server: Program) -> None:
    """Its source is closed."""
    before = server.output.count("the feed was closed")
    with Caller(server.port) as caller:
        caller.get("/ticks")
        assert caller.response().read(40_000) == b"tick" * 10_000
    wait_until(lambda: server.output.count("the feed was closed") > before)


def test_a_reader_that_stops_reading_is_not_waited_for(server: Program) -> None:
    """Nothing is held for it but what the kernel holds."""
    before = server.output.count("the feed was closed")
    with Caller(server.port, receive_buffer=4096) as caller:
        caller.get("/ticks")
        wait_until(lambda: server.output.count("the feed was closed") > before)


def test_a_reader_that_goes_away_ends_a_wait(server: Program, tmp_path: Path) -> None:
    """Of a handler that asks whether to wait on, and of a source that can be closed."""
    door = tmp_path / "door"
    with Caller(server.port) as caller:
        caller.get(f"/patient{door}")
        wait_until(door.with_suffix(".begun").exists)
        assert not door.exists()
    wait_until(door.exists, seconds=30)
    source = tmp_path / "source"
    with Caller(server.port) as caller:
        caller.get(f"/subscription{source}")
        assert caller.response().read(6) == b"begun\n"
        assert not source.exists()
    wait_until(source.exists, seconds=30)


def test_a_stream_of_crumbs_leaves_others_their_turn(server: Program, tmp_path: Path) -> None:
    """Though none of them ever has to wait."""
    door = tmp_path / "door"
    with Caller(server.port) as stream, Caller(server.port) as other:
        reader = threading.Thread(target=stream.rest)
        stream.get(f"/crumbs{door}", "Connection: close")
        reader.start()
        other.send(GET)
        assert other.response().status == 200
        door.touch()
        reader.join(60)


def test_who_only_stops_sending_still_reads_to_the_end(server: Program) -> None:
    """Half a connection is enough for an answer (RFC 9112, section 9.6)."""
    with Caller(server.port, receive_buffer=4096) as caller:
        caller.get("/slowly")
        caller.socket.shutdown(socket.SHUT_WR)
        assert len(caller.response().read()) == 300 * 20_000


def test_one_that_waits_keeps_nobody_else_waiting(server: Program, tmp_path: Path) -> None:
    """A hundred handlers wait, and the next one answers at once."""
    door = tmp_path / "door"
    callers = [Caller(server.port) for _ in range(100)]
    try:
        for each in callers:
            each.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists)
        with Caller(server.port) as other:
            other.send(GET)
            assert other.response().status == 200
        door.touch()
        for each in callers:
            assert whole(each.response()) == (200, b"waited, GET")
    finally:
        for each in callers:
            each.socket.close()


def test_no_handler_ends_the_server(caller: Caller) -> None:
    """And an empty chunk is not the last one."""
    caller.get("/exit")
    assert whole(caller.response())[0] == 500
    caller.get("/gaps")
    assert whole(caller.response()) == (200, b"ab")


def test_many_requests_on_one_connection_hold_up_nobody(server: Program) -> None:
    """Others are answered between them."""
    with Caller(server.port) as greedy, Caller(server.port) as other:
        greedy.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" * 400)  # 5 ms of work each
        took = []
        for _ in range(10):
            began = monotonic()
            other.send(GET)
            assert other.response().read()
            took.append(monotonic() - began)
        assert sorted(took)[len(took) // 2] < 0.5, took
