"""The embedded server as a real process, spoken to byte by byte."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path
from time import monotonic

import pytest

from tests.servers import Caller, require_ipv6, wait_until
from tests.servers.programs import ROOT, Program, brubeck_run

PROGRAM = "tests.connections.program:app"
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest) -> Iterator[Program]:
    """Serve with short times and small limits, on each engine."""
    with brubeck_run(
        PROGRAM,
        green=request.param,
        server_head_timeout="1s",
        server_body_timeout="1s",
        server_idle_timeout="2s",
        server_max_head="4k",
        server_max_body="1MB",
    ) as program:
        yield program


@pytest.fixture
def caller(server: Program) -> Iterator[Caller]:
    """Connect to it."""
    with Caller(server.port) as caller:
        yield caller


def whole(response: HTTPResponse) -> tuple[int, bytes]:
    """Return the status and the body of a response."""
    return response.status, response.read()


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_finishes_what_is_in_hand(tmp_path: Path, number: int) -> None:
    """What waits is cut, what follows too, and the last answer says that it is the last."""
    door = tmp_path / "door"
    with (
        brubeck_run(PROGRAM) as server,
        Caller(server.port) as idle,
        Caller(server.port) as busy,
        Caller(server.port) as follower,
    ):
        idle.send(GET)
        idle.response().read()
        follower.get("/feed")
        assert follower.response().read(6) == b"begun\n"
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists)
        server.process.send_signal(number)
        assert idle.rest() == b""
        follower.rest()
        assert server.process.poll() is None
        door.touch()
        response = busy.response()
        assert response.getheader("connection") == "close"
        assert whole(response) == (200, b"waited, GET")
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.output


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_long_poll_does_not_hold_up_a_stop(engine: str) -> None:
    """It is answered at once with what there is: nothing, and where to go on."""
    with (
        brubeck_run("tests.behaviour.app:app", green=engine, server_grace="1h") as server,
        Caller(server.port) as caller,
    ):
        look = b"GET /feeds/changes?after=now%s HTTP/1.1\r\nHost: h\r\n\r\n"
        caller.send(look % b"" + look % b"&wait=60")
        assert caller.response().read()
        assert server.stop() == 0
        response = caller.response()
        assert response.getheader("connection") == "close"
        assert json.loads(response.read())["data"] == []


def test_a_second_signal_ends_everything_at_once(tmp_path: Path) -> None:
    """Who asks twice is in a hurry."""
    door = tmp_path / "door"
    with brubeck_run(PROGRAM, server_grace="1h") as server, Caller(server.port) as busy:
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists)
        server.process.send_signal(signal.SIGINT)
        wait_until(lambda: refused(server.port))
        assert server.process.poll() is None
        assert server.stop(signal.SIGINT) == 0


def refused(port: int) -> bool:
    """Tell whether nobody listens on a port any more."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_an_answer_under_way_is_sent_to_its_end() -> None:
    """A stop finishes what is being written, too."""
    with brubeck_run(PROGRAM) as server, Caller(server.port, receive_buffer=4096) as caller:
        caller.get("/large")
        response = caller.response()
        response.read(1000)
        server.process.send_signal(signal.SIGTERM)
        assert len(response.read()) == 20_000_000 - 1000
        assert server.process.wait(30) == 0


def test_no_handler_ends_the_server(caller: Caller) -> None:
    """And an empty chunk is not the last one."""
    caller.get("/exit")
    assert whole(caller.response())[0] == 500
    caller.get("/gaps")
    assert whole(caller.response()) == (200, b"ab")


def test_the_grace_has_an_end(tmp_path: Path) -> None:
    """What is still in hand after it is cut."""
    door = tmp_path / "door"
    with brubeck_run(PROGRAM, server_grace="200ms") as server, Caller(server.port) as busy:
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists)
        assert server.stop() == 0
        assert busy.rest() == b""


def test_connections_past_the_limit_wait_their_turn() -> None:
    """The kernel holds them until one ends."""
    with (
        brubeck_run(PROGRAM, server_max_connections="1") as server,
        Caller(server.port) as first,
        Caller(server.port) as second,
    ):
        first.send(GET)
        first.response().read()
        second.send(GET)
        first.socket.close()
        assert second.response().status == 200


def test_the_limit_of_connections_is_held_in_a_burst() -> None:
    """A hundred that come at once are not more than the limit, and idle ones make room."""
    limit = 10
    with brubeck_run(PROGRAM, server_max_connections=str(limit)) as server, ExitStack() as stack:
        callers = [stack.enter_context(Caller(server.port)) for _ in range(100)]
        most = 0
        for caller in callers:
            caller.send(GET)
        for caller in callers:
            assert caller.response().status == 200
            # What is read of two tables that change is not of one moment; a real excess stays.
            most = max(most, min(connected(server) for _ in range(5)))
        assert most <= limit


def connected(server: Program) -> int:
    """Return how many connections a process has accepted and not closed."""
    found = list(Path(f"/proc/{server.process.pid}/fd").iterdir())
    names = set()
    for each in found:
        with suppress(OSError):
            names.add(str(each.readlink()))
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    own = f"0100007F:{server.port:04X}"
    return sum(row[1] == own and row[3] == "01" and f"socket:[{row[9]}]" in names for row in table)


def test_busy_connections_do_not_make_room(tmp_path: Path) -> None:
    """Only what waits for a request is ended for somebody else."""
    door = tmp_path / "door"
    with (
        brubeck_run(PROGRAM, server_max_connections="1") as server,
        Caller(server.port) as busy,
        Caller(server.port) as other,
    ):
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists)
        other.send(GET)
        door.touch()
        assert busy.response().status == 200
        assert other.response().status == 200


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


def met(seen: set[int], number: int) -> set[int]:
    """Add a number to those that were seen, and return them."""
    seen.add(number)
    return seen


def test_workers_share_the_port_and_are_replaced(tmp_path: Path) -> None:
    """A killed one by another; stopping the supervisor stops them all."""
    with brubeck_run(PROGRAM, "--workers", "2") as server:

        def ask() -> int:
            with Caller(server.port) as caller:
                caller.send(GET)
                return int(caller.response().read().split()[0])

        seen: set[int] = set()
        wait_until(lambda: len(met(seen, ask())) == 2, seconds=30)
        victim = seen.pop()
        subprocess.run(["kill", "-9", str(victim)], check=True)
        wait_until(lambda: f"Worker {victim} ended" in server.output)
        wait_until(lambda: len({ask() for _ in range(20)} - {victim}) == 2, seconds=30)
        assert server.stop() == 0
        for worker in seen:
            assert not Path(f"/proc/{worker}").exists()


def test_a_stopping_supervisor_refuses_who_comes(tmp_path: Path) -> None:
    """They go elsewhere, while the workers finish what is in hand."""
    door = tmp_path / "door"
    with (
        brubeck_run(PROGRAM, "--workers", "2", server_grace="1h") as server,
        Caller(server.port) as busy,
    ):
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists, seconds=30)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(server.port))
        assert server.process.poll() is None
        door.touch()
        assert whole(busy.response()) == (200, b"waited, GET")
        assert server.process.wait(30) == 0


def test_a_second_signal_ends_all_workers_at_once(tmp_path: Path) -> None:
    """A worker itself takes any number for one: whoever stops a group tells everybody in it."""
    door = tmp_path / "door"
    with (
        brubeck_run(PROGRAM, "--workers", "2", server_grace="1h") as server,
        Caller(server.port) as asking,
        Caller(server.port) as busy,
    ):
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists, seconds=30)
        asking.send(GET)
        worker = int(asking.response().read().split()[0])
        os.kill(worker, signal.SIGINT)
        os.kill(worker, signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        wait_until(lambda: refused(server.port))
        assert server.process.poll() is None
        assert server.stop(signal.SIGINT) == 0
        assert busy.rest() == b""
        assert "Traceback" not in server.output


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_workers_know_who_asks(engine: str) -> None:
    """Also over IPv6, though their socket was made by somebody else."""
    require_ipv6()
    with brubeck_run(
        PROGRAM,
        "--workers",
        "2",
        listen="http://[::1]:0",
        green=engine,
        server_access_log="yes",
    ) as server:
        port = int(server.output.partition("[::1]:")[2].split()[0])
        with socket.create_connection(("::1", port), timeout=30) as sock:
            sock.sendall(GET)
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK")
        server.await_output("brubeck.access: ::1 GET / 200")


def test_workers_do_not_outlive_a_killed_supervisor() -> None:
    """They finish what is in hand and end, and the port is free."""
    with brubeck_run(PROGRAM, "--workers", "2") as server:
        with Caller(server.port) as caller:
            caller.send(GET)
            worker = int(caller.response().read().split()[0])
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not Path(f"/proc/{worker}").exists(), seconds=30)
        wait_until(lambda: refused(server.port), seconds=30)  # the other one is gone, too


def test_a_unix_socket_is_served(tmp_path: Path) -> None:
    """One that a dead process left behind is replaced, and one that is served no more removed."""
    path = tmp_path / "brubeck.sock"
    for number in (signal.SIGKILL, signal.SIGTERM):
        with (
            brubeck_run(PROGRAM, listen=f"unix:{path}") as server,
            socket.socket(socket.AF_UNIX) as sock,
        ):
            sock.connect(str(path))
            sock.sendall(GET)
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK")
            server.stop(number)
            assert path.exists() == (number == signal.SIGKILL)


def test_a_stop_leaves_the_socket_of_the_next_process(tmp_path: Path) -> None:
    """Which may have begun to serve while this one still finishes."""
    path, door = tmp_path / "brubeck.sock", tmp_path / "door"
    with (
        brubeck_run(PROGRAM, "--workers", "2", listen=f"unix:{path}") as old,
        socket.socket(socket.AF_UNIX) as busy,
    ):
        busy.connect(str(path))
        busy.sendall(b"GET /wait%b HTTP/1.1\r\nHost: h\r\n\r\n" % bytes(door))
        wait_until(door.with_suffix(".begun").exists, seconds=30)
        old.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not served(path))
        with brubeck_run(PROGRAM, listen=f"unix:{path}"):
            door.touch()
            assert old.process.wait(30) == 0
            assert served(path)


def served(path: Path) -> bool:
    """Tell whether somebody listens at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_trouble_is_not_told_ten_times_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without a descriptor left says so now and then, and goes on when it has one."""
    (tmp_path / "limited.py").write_text(
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "from tests.connections.program import app\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    began = monotonic()
    with (
        brubeck_run("limited:app", cwd=tmp_path, server_idle_timeout="2s") as server,
        ExitStack() as stack,
    ):
        callers = [stack.enter_context(Caller(server.port)) for _ in range(100)]
        callers[-1].send(GET)
        assert callers[-1].response().status == 200
        told = server.output.count("Cannot take a connection")
        assert 1 <= told <= 2 + (monotonic() - began) / 10


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for localhost that nobody but this test trusts."""
    folder = tmp_path_factory.mktemp("tls")
    certfile, keyfile = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(keyfile), "-out", str(certfile)),
        ],
        check=True,
        capture_output=True,
    )
    return certfile, keyfile


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_https_is_served(certificate: tuple[Path, Path], engine: str) -> None:
    """Over TLS 1.2 or newer; who does not speak it is dropped, and others are served."""
    certfile, keyfile = certificate
    with brubeck_run(
        PROGRAM,
        listen="https://127.0.0.1:0",
        green=engine,
        server_certfile=str(certfile),
        server_keyfile=str(keyfile),
    ) as server:
        with Caller(server.port) as plain:
            plain.send(GET)
            with suppress(ConnectionResetError):
                assert not plain.rest().startswith(b"HTTP")
        trust = ssl.create_default_context(cafile=str(certfile))
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw,
            trust.wrap_socket(raw, server_hostname="localhost") as sock,
        ):
            for length in (0, 200_000):
                head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % length
                sock.sendall(head + b"x" * length)
                response = HTTPResponse(sock)
                response.begin()
                assert response.read().endswith(b" %d" % length)
        assert "Traceback" not in server.output


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_session_of_tls_ends_as_it_should(
    certificate: tuple[Path, Path], engine: str, tmp_path: Path
) -> None:
    """Said by both sides where all is well, and by neither where an answer broke off."""
    certfile, keyfile = certificate
    door = tmp_path / "door"
    with (
        brubeck_run(
            PROGRAM,
            listen="https://127.0.0.1:0",
            green=engine,
            server_certfile=str(certfile),
            server_keyfile=str(keyfile),
            server_head_timeout="1s",
            server_idle_timeout="1s",
        ) as server,
        ExitStack() as stack,
    ):
        trust = ssl.create_default_context(cafile=str(certfile))

        def ask(raw: bytes) -> ssl.SSLSocket:
            below = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            sock = trust.wrap_socket(below, server_hostname="localhost", suppress_ragged_eofs=False)
            sock.sendall(raw)
            return stack.enter_context(sock)

        def rest(sock: ssl.SSLSocket) -> bytes:
            return b"".join(iter(lambda: sock.recv(100_000), b""))

        silent = stack.enter_context(Caller(server.port))
        idle = ask(GET)
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        last = ask(GET.replace(b"Host: h", b"Host: h\r\nConnection: close"))
        assert rest(last).startswith(b"HTTP/1.1 200")
        assert last.unwrap() is not None
        polite = ask(GET)
        assert polite.recv(1000).startswith(b"HTTP/1.1 200")
        polite.unwrap().close()
        with pytest.raises(ssl.SSLEOFError):
            rest(ask(b"GET /broken HTTP/1.0\r\n\r\n"))
        patient = ask(b"GET /patient%b HTTP/1.1\r\nHost: h\r\n\r\n" % bytes(door))
        wait_until(door.with_suffix(".begun").exists)
        patient.close()
        wait_until(door.exists, seconds=30)
        assert silent.rest() == b""
        with suppress(ssl.SSLEOFError):
            assert rest(idle) == b""
        # The one traceback is that of the program's own mistake.
        assert server.output.count("Traceback") == 1


def test_a_certificate_without_its_key_is_told_so(certificate: tuple[Path, Path]) -> None:
    """In words, beside those of OpenSSL."""
    done = subprocess.run(
        [sys.executable, "-m", "brubeck", "run", PROGRAM, "--listen", "https://127.0.0.1:0"],
        env=os.environ | {"BRUBECK_SERVER_CERTFILE": str(certificate[0])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "If its key is in a file of its own, set server.keyfile." in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_is_started_again_when_it_changes(tmp_path: Path) -> None:
    """A mistake in it is reported and waited out."""
    program = tmp_path / "mine.py"
    text = "from brubeck import Brubeck, render\napp = Brubeck()\n"
    text += "@app.add_route('^/$')\ndef root(app, message):\n    return render('{}')\n"
    program.write_text(text.format("one"))
    with brubeck_run("mine:app", "--reload", cwd=tmp_path) as server:

        def says(word: bytes) -> bool:
            with Caller(server.port) as caller:
                caller.send(GET)
                return caller.response().read() == word

        wait_until(lambda: says(b"one"), seconds=30)
        program.write_text("a mistake!")
        server.await_output("waiting for a change")
        program.write_text(text.format("a new one"))
        wait_until(lambda: says(b"a new one"), seconds=30)
        assert server.stop() == 0


def test_who_changes_a_program_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for what is in hand, nor with a worker that was killed."""
    door, program = tmp_path / "door", tmp_path / "mine.py"
    program.write_text("from tests.connections.program import app\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with brubeck_run("mine:app", "--reload", cwd=tmp_path, server_grace="1h") as server:

        def ask() -> int:
            with Caller(server.port) as caller:
                caller.send(GET)
                return int(caller.response().read().split()[0])

        first = ask()
        os.kill(first, signal.SIGKILL)
        server.await_output(f"Worker {first} ended")
        second = ask()
        with Caller(server.port) as busy:
            busy.get(f"/wait{door}")
            wait_until(door.with_suffix(".begun").exists)
            program.write_text("from tests.connections.program import app  # changed\n")
            assert busy.rest() == b""
        assert ask() not in (first, second)
