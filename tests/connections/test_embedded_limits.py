"""The embedded server with more connections than it may have."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic

import pytest

from tests.connections.asking import GET, QUICK
from tests.servers import Caller, wait_until
from tests.servers.programs import ROOT, Program, brubeck_run


def test_connections_past_the_limit_wait_their_turn() -> None:
    """The kernel holds them until one ends."""
    with (
        brubeck_run(QUICK, server_max_connections="1") as server,
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
    with brubeck_run(QUICK, server_max_connections=str(limit)) as server, ExitStack() as stack:
        callers = [stack.enter_context(Caller(server.port)) for _ in range(100)]
        for caller in callers:
            caller.send(GET)
        for caller in callers:
            assert caller.response().status == 200
            # What is read of two tables that change is not of one moment, and a busy machine may
            # stop the server between two system calls; a real excess stays.
            wait_until(lambda: connected(server) <= limit)


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
        brubeck_run(QUICK, server_max_connections="1") as server,
        Caller(server.port) as busy,
        Caller(server.port) as other,
    ):
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists)
        other.send(GET)
        door.touch()
        assert busy.response().status == 200
        assert other.response().status == 200


def test_trouble_is_not_told_ten_times_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without a descriptor left says so now and then, and goes on when it has one."""
    (tmp_path / "limited.py").write_text(
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "from tests.connections.quick import app\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    began = monotonic()
    with (
        brubeck_run("limited:app", cwd=tmp_path, server_idle_timeout="1s") as server,
        ExitStack() as stack,
    ):
        callers = [stack.enter_context(Caller(server.port)) for _ in range(100)]
        callers[-1].send(GET)
        assert callers[-1].response().status == 200
        told = server.output.count("Cannot take a connection")
        assert 1 <= told <= 2 + (monotonic() - began) / 10


def _connected(server: Program) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def test_a_body_that_drips_is_cut() -> None:
    """A client that sends a byte now and then would hold its connection for ever."""
    with (
        brubeck_run(QUICK, server_body_timeout="1s") as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as slow,
    ):
        slow.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        sent = 0
        while not select.select([slow], [], [], 0.2)[0]:
            slow.sendall(b"x")
            sent += 1
            assert sent < 60
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_where_there_is_no_room_the_slowest_request_makes_it() -> None:
    """Unfinished requests are no way to keep others out."""
    with brubeck_run(QUICK, server_max_connections="3") as server, ExitStack() as stack:
        slow = [stack.enter_context(_connected(server)) for _ in range(3)]
        for each in slow:
            each.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nx")
        other = stack.enter_context(_connected(server))
        other.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 ")
