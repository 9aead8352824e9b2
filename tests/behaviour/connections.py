"""Every connection that the program can be reached over, and every storage it can keep items in.

Each stands behind the same small client.
"""

from __future__ import annotations

import importlib
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from unittest import mock

from tests.servers import free_port, wait_until
from tests.servers.mongo import mongo_set, set_url
from tests.servers.programs import Program, brubeck_run, running
from tests.servers.redis import RedisServer

FRAMING = {
    *("date", "server", "connection", "transfer-encoding", "keep-alive"),
    "content-length",  # a stream has one only where the connection cannot do without
}


@dataclass(frozen=True)
class Answer:
    """A status, the headers without those of the wire, sorted, and the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return a header's value, or None."""
        return dict(self.headers).get(name)


class Ask(Protocol):
    """Asks the program for something."""

    def __call__(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the whole answer."""


def comparable(pairs: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return headers as they should be the same everywhere: links are of each one's own port."""
    shown = [(name.lower(), _PORT.sub("http://localhost/", value)) for name, value in pairs]
    return tuple(sorted(pair for pair in shown if pair[0] not in FRAMING))


_PORT = re.compile(r"http://127\.0\.0\.1:\d+/")


class OverHTTP:
    """Asks over HTTP at a port, each time on a new connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request and return the whole answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, target, body or None, headers or {})
            response = connection.getresponse()
            return Answer(response.status, comparable(response.getheaders()), response.read())
        finally:
            connection.close()


def listening(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def started(server: Program, port: int) -> None:
    """Wait until a server listens; what it printed is in the error if it does not."""
    try:
        wait_until(lambda: listening(port), seconds=30)
    except TimeoutError:
        raise RuntimeError(f"the server did not start:\n{server.output}") from None


@contextmanager
def embedded(engine: str = "eventlet") -> Iterator[Ask]:
    """Serve by ``brubeck run`` on an engine."""
    with brubeck_run("tests.behaviour.app:app", green=engine) as server:
        yield OverHTTP(server.port)


@contextmanager
def gunicorn(worker: str) -> Iterator[Ask]:
    """Serve by gunicorn with a kind of worker."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "tests.behaviour.app:wsgi", "-k", worker]
    with running(
        *command,
        *("-b", f"127.0.0.1:{port}", "--threads", "64", "--no-control-socket"),
        *("--graceful-timeout", "1"),  # feeds know of no stop there, and would be waited for
        env={"BEHAVIOUR_WSGI": "1"},
    ) as server:
        started(server, port)
        yield OverHTTP(port)


@contextmanager
def eventlet_wsgi() -> Iterator[Ask]:
    """Serve by eventlet's own WSGI server."""
    port = free_port()
    with running(
        sys.executable, "-W", "ignore", "-m", "tests.behaviour.eventlet_wsgi", str(port)
    ) as server:
        started(server, port)
        yield OverHTTP(port)


@contextmanager
def mongrel2(protocol: str = "json") -> Iterator[Ask]:
    """Serve behind a genuine Mongrel2."""
    from tests.servers.mongrel2 import running_mongrel2

    with (
        running_mongrel2(protocol=protocol) as front,  # type: ignore[arg-type]
        brubeck_run(
            "tests.behaviour.app:app",
            listen=f"{front.send_spec},{front.recv_spec}",
            server_upload_dir=str(front.uploads),
        ),
    ):
        ask = OverHTTP(front.port)
        # Mongrel2 hands a request to whoever is connected; ask until it is us.
        wait_until(lambda: _answers(ask), seconds=30)
        yield ask


def _answers(ask: Ask) -> bool:
    try:
        return ask("GET", "/brubeck").status == 200
    except OSError:
        return False


@contextmanager
def in_process(storage: str = "", named_in: str = "") -> Iterator[Ask]:
    """Ask the program itself, in a module of its own, with its items in memory or elsewhere.

    ``named_in`` is the module of the storage that names new eras; they are called blue.
    """
    from brubeck.testing import Client
    from tests.behaviour import app as module

    app = importlib.reload(module).app
    if storage:
        app.configure(storage={"default": storage})
    client = Client(app)

    def ask(
        method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        # For the request alone: other tests run in this process while the program stands.
        namer = f"brubeck.storage.{named_in}.fresh_era"
        with (
            mock.patch(namer, _blue) if named_in else nullcontext(),
            client.request(method, target, body=body, headers=headers) as reply,
        ):
            return Answer(reply.status, comparable(list(reply.headers.pairs())), reply.body)

    try:
        yield ask
    finally:
        app.close()


@contextmanager
def on_sqlite() -> Iterator[Ask]:
    """Ask the program itself, with its items in a file."""
    with (
        TemporaryDirectory() as directory,
        in_process(f"sqlite:///{directory}/items.db", "sqlite.database") as ask,
    ):
        yield ask


@contextmanager
def on_redis() -> Iterator[Ask]:
    """Ask the program itself, with its items in a Redis."""
    with TemporaryDirectory() as directory, ExitStack() as stack:
        server = RedisServer(Path(directory))
        stack.callback(server.stop)
        server.run()
        yield stack.enter_context(in_process(server.url, "redis.record_stream"))


@contextmanager
def on_mongo() -> Iterator[Ask]:
    """Ask the program itself, with its items in a MongoDB."""
    with (
        TemporaryDirectory() as directory,
        mongo_set(Path(directory)) as members,
        in_process(set_url(members), "mongo.finalizing") as ask,
    ):
        yield ask


def _blue() -> str:
    """Return the program's one era."""
    return "blue"


def connections() -> dict[str, AbstractContextManager[Ask]]:
    """Return every way to ask, not yet opened."""
    return {
        "test client": in_process(),
        "embedded on eventlet": embedded("eventlet"),
        "embedded on gevent": embedded("gevent"),
        "gunicorn gthread": gunicorn("gthread"),
        "gunicorn gevent": gunicorn("gevent"),
        "eventlet.wsgi": eventlet_wsgi(),
        "mongrel2": mongrel2("json"),
        "mongrel2 tnetstring": mongrel2("tnetstring"),
        "test client on sqlite": on_sqlite(),
        "test client on redis": on_redis(),
        "test client on mongo": on_mongo(),
    }


HOLDING = [name for name in connections() if not name.startswith("test client")]
"""The connections over which an answer may stay open while others are given."""
