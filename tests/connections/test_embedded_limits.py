"""The embedded server with more connections than it may have."""

from __future__ import annotations

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
        most = 0
        for caller in callers:
            caller.send(GET)
        for caller in callers:
            assert caller.response().status == 200
            # What is read of two tables that change is not of one moment; a real excess stays.
            looks = (connected(server) for _ in range(5))
            most = max(most, next((count for count in looks if count <= limit), limit + 1))
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
