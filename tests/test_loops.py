"""No loop in the background ends by an error: it is logged with its traceback, and it goes on."""

from __future__ import annotations

import ast
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from brubeck import green
from brubeck.connections.embedded import server as embedded
from brubeck.connections.embedded.connection import Connection
from brubeck.connections.mongrel2.connection import Mongrel2Connection
from brubeck.connections.mongrel2.peers import Peers
from brubeck.connections.mongrel2.replies import Outgoing
from brubeck.http.proxies import Client
from brubeck.jobs import worker
from brubeck.jobs.worker import JobsConnection
from brubeck.storage import Head
from brubeck.storage.listening import Listener
from brubeck.storage.lookout import LookOut
from brubeck.storage.notifier import HeadNotifier
from brubeck.streams import StreamedDocument, StreamHandler, sweeper
from tests.servers import wait_until

ROOT = Path(__file__).parents[1] / "brubeck"


class Fails:
    """Raises what nobody expects when it is first called, and counts its calls."""

    def __init__(self, result: Any = None) -> None:
        self.calls = 0
        self.result = result

    def __call__(self, *_: object, **__: object) -> Any:
        self.calls += 1
        if self.calls == 1:
            raise LookupError("nobody expects this")
        return self.result


def _spawned(function: Callable[..., object], *args: object) -> None:
    threading.Thread(target=function, args=args, daemon=True).start()


def _goes_on(fails: Fails, caplog: pytest.LogCaptureFixture) -> None:
    wait_until(lambda: fails.calls >= 2, what="the loop ended")
    assert any("nobody expects this" in str(each.exc_info) for each in caplog.records)


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


class Note(StreamedDocument):
    """What a stream is made of."""


class Notes(StreamHandler):
    """A stream that is swept."""

    model = Note


def test_the_sweeper_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the next stream of the same look is swept."""
    monkeypatch.setattr(sweeper, "EVERY", 0.01)
    fails = Fails(result=False)
    stream: Any = SimpleNamespace(spec=Notes.spec, store=SimpleNamespace(hit=fails))
    _spawned(sweeper.Sweeper([stream, stream]).run)
    _goes_on(fails, caplog)


def test_the_lookout_for_news_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Who waits is woken by its next look."""
    fails = Fails(result={"name": Head(5, "era")})
    assert HeadNotifier("name", LookOut(fails, 0.01)).wait(4, 10)
    _goes_on(fails, caplog)


def test_the_sweep_of_connections_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Timeouts hold for the others."""
    monkeypatch.setattr(embedded, "_TICK", 0.01)
    fails = Fails(result=[])
    monkeypatch.setattr(green, "hung_up", fails)
    server = embedded.EmbeddedServer(SimpleNamespace())  # type: ignore[arg-type]
    respond: Any = None
    server._connections.add(Connection(server, respond, Client("127.0.0.1")))
    _spawned(server._sweep)
    _goes_on(fails, caplog)
    server.draining = True


@pytest.mark.parametrize("loop", ["_renew_leases", "_acknowledge", "_keep_schedule"])
def test_the_loops_of_a_worker_go_on(
    loop: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Leases are renewed, what is done is acknowledged, and scheduled jobs are sent."""
    monkeypatch.setattr(worker, "_PAUSE", 0.01)
    fails = Fails()
    queue: Any = SimpleNamespace(renew=fails, done=fails)
    connection = JobsConnection(queue, lease=0.04, send_due=fails)
    delivery: Any = SimpleNamespace(entry=b"1", lost=False)
    connection._hand[b"1"] = delivery
    connection._done.append(delivery)
    _spawned(getattr(connection, loop))
    _goes_on(fails, caplog)
    connection._stopping = connection._hurried = connection._over = True


class Hearing(Listener):
    """A listener to a server that does something else."""

    def __init__(self, fails: Fails) -> None:
        super().__init__("here", retry=0.01)
        self._fails = fails

    def _pass_on(self) -> None:
        self._fails()


def test_listening_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a driver raises; and it ends when the storage is closed."""
    fails = Fails()
    listener = Hearing(fails)
    listener.hear("name", HeadNotifier("name", LookOut(lambda _: {}, 1)))
    _goes_on(fails, caplog)
    listener.close()


def test_keeping_connections_of_mongrel2_alive_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """The feeds of all clients hang on it."""
    connection = Mongrel2Connection("ipc:///nowhere", "ipc:///nowhere", beat_seconds=0.01)
    fails = Fails(result=[])
    connection.clients = SimpleNamespace(peers=fails)  # type: ignore[assignment]
    outgoing: Any = SimpleNamespace()
    _spawned(connection._keep_alive, outgoing)
    _goes_on(fails, caplog)
    connection.stop()


def test_taking_notices_of_other_programs_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """One notice that cannot be taken holds up no other."""
    fails = Fails()
    peers = Peers("ipc:///nowhere")
    peers_inbox: Any = SimpleNamespace(recv=lambda: b"a notice")
    taken: list[bytes] = []

    def take(data: bytes) -> None:
        taken.append(data)
        fails()
        if fails.calls > 2:
            raise green.Closed

    _spawned(peers._receive, peers_inbox, take)
    _goes_on(fails, caplog)


def test_following_subscriptions_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """The front that comes back is heard."""
    outgoing = Outgoing("tcp://127.0.0.1:1")
    fails = Fails()
    outgoing._socket.close()
    outgoing._socket = SimpleNamespace(recv=lambda: b"\0" if fails.calls < 2 else _closed())  # type: ignore[assignment]
    _spawned(outgoing.follow, fails)
    _goes_on(fails, caplog)


def _closed() -> bytes:
    raise green.Closed


HANDLED = frozenset(
    (
        *("jobs/worker.py _work", "connections/mongrel2/clients.py _work"),
        *("storage/batching.py _run_all", "streams/topics.py _cast"),
        *("storage/indexing.py _build", "storage/redis/pipelining.py _receive"),
        "green/waking.py _wake_others",
    )
)
"""The loops that handle every error of a turn, or that the next request starts again."""


def test_every_loop_that_is_spawned_is_supervised() -> None:
    """A function that is spawned has a loop of its own only where it is known to go on."""
    for file in ROOT.rglob("*.py"):
        tree = ast.parse(file.read_text())
        functions = {
            each.name: each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)
        }
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "green.spawn"):
                continue
            name = ast.unparse(call.args[0]).rpartition(".")[2]
            loops = [
                each
                for each in ast.walk(functions.get(name, ast.Pass()))
                if isinstance(each, ast.While)
            ]
            where = f"{file.relative_to(ROOT)} {name}"
            assert not loops or where in HANDLED, where
