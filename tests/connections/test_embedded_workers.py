"""Several workers on one port, and programs that change while they are served."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.connections.asking import GET, PROGRAM, refused, whole
from tests.servers import Caller, require_ipv6, wait_until
from tests.servers.programs import ROOT, brubeck_run


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
