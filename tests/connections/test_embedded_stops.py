"""The embedded server told to stop, once and twice, in the middle of everything."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.connections.asking import GET, PROGRAM, refused, whole
from tests.servers import Caller, wait_until
from tests.servers.programs import brubeck_run


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
        for each in (idle, follower):
            each.close()
        assert server.process.poll() is None
        door.touch()
        response = busy.response()
        assert response.getheader("connection") == "close"
        assert whole(response) == (200, b"waited, GET")
        busy.close()  # the server waits a while for that
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
        server.process.send_signal(signal.SIGTERM)
        response = caller.response()
        assert response.getheader("connection") == "close"
        assert json.loads(response.read())["data"] == []
        caller.close()  # the server waits a while for that
        assert server.process.wait(30) == 0


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


def test_an_answer_under_way_is_sent_to_its_end() -> None:
    """A stop finishes what is being written, too."""
    with brubeck_run(PROGRAM) as server, Caller(server.port, receive_buffer=4096) as caller:
        caller.get("/large")
        response = caller.response()
        response.read(1000)
        server.process.send_signal(signal.SIGTERM)
        assert len(response.read()) == 20_000_000 - 1000
        assert server.process.wait(30) == 0


def test_the_grace_has_an_end(tmp_path: Path) -> None:
    """What is still in hand after it is cut."""
    door = tmp_path / "door"
    with brubeck_run(PROGRAM, server_grace="200ms") as server, Caller(server.port) as busy:
        busy.get(f"/wait{door}")
        wait_until(door.with_suffix(".begun").exists)
        assert server.stop() == 0
        assert busy.rest() == b""


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
