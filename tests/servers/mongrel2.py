"""A genuine Mongrel2 for tests, with one handler behind it.

    with running_mongrel2(protocol="tnetstring") as front, served(front, respond):
        urlopen(front.url)

What it needs (configuration, sockets, logs, uploads) lives in a directory of its own, which goes
with it. Mongrel2 binds the handler's sockets; the specs are what our side connects to.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Literal
from uuid import uuid4

from brubeck.connections.mongrel2 import Mongrel2Connection
from brubeck.http.request import Request
from brubeck.http.response import Response
from tests.servers import free_port, require, wait_until

PACKAGE = "mongrel2-core"
Protocol = Literal["json", "tnetstring"]
Transport = Literal["ipc", "tcp"]
Settings = Mapping[str, str | int | None]
"""Mongrel2's settings; None takes one of our own away."""

_CONFIG = """
handler = Handler(send_spec='{send_spec}', send_ident='{ident}',
                  recv_spec='{recv_spec}', recv_ident='', protocol='{protocol}')
host = Host(name="localhost", routes={{{routes}}})
main = Server(uuid="{uuid}", name="main", default_host="localhost", bind_addr="127.0.0.1",
              port={port}, access_log="{directory}/access.log", error_log="{directory}/error.log",
              pid_file="{directory}/mongrel2.pid", hosts=[host])
settings = {settings}
servers = [main]
"""


@dataclass
class Front:
    """A Mongrel2 of our own.

    ``url`` is where it listens for HTTP (no trailing slash), ``send_spec`` and ``recv_spec`` are
    the addresses of its handler, ``ident`` the name that this handler's messages bear, and
    ``uploads`` where it stores bodies above ``limits.content_length``.
    """

    directory: Path
    port: int
    send_spec: str
    recv_spec: str
    ident: str
    protocol: Protocol = "json"
    routes: tuple[str, ...] = ("/",)
    settings: Settings = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    uuid: str = field(default_factory=lambda: str(uuid4()))

    @property
    def url(self) -> str:
        """Where it listens for HTTP, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def uploads(self) -> Path:
        """The directory in which it stores large bodies."""
        return self.directory / "uploads"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        path = self.directory / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it and wait until it serves; `ChildProcessError` when it ends instead."""
        (self.directory / "error.log").unlink(missing_ok=True)
        command = [require("mongrel2", PACKAGE), str(self._load_config()), self.uuid]
        with (self.directory / "output.log").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=self.directory, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            wait_until(self._is_up, what="Mongrel2 does not start")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it, as a crash would: nobody is told, and connections are cut."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        (self.directory / "mongrel2.pid").unlink(missing_ok=True)

    def _is_up(self) -> bool:
        if self.process is None or self.process.poll() is not None or "Failed to bind" in self.log:
            output = (self.directory / "output.log").read_text(errors="replace")
            raise ChildProcessError(f"Mongrel2 ended:\n{output}\n{self.log}")
        return " Running. " in self.log

    def _load_config(self) -> Path:
        config, database = self.directory / "mongrel2.conf", self.directory / "config.sqlite"
        settings: Settings = {
            "server.daemonize": 0,
            "control_port": f"ipc://{self.directory}/control",
            "upload.temp_store": f"{self.uploads}/upload.XXXXXX",
            **self.settings,
        }
        settings = {name: value for name, value in settings.items() if value is not None}
        config.write_text(
            _CONFIG.format(
                send_spec=self.send_spec,
                recv_spec=self.recv_spec,
                ident=self.ident,
                protocol=self.protocol,
                routes=", ".join(f"'{route}': handler" for route in self.routes),
                uuid=self.uuid,
                port=self.port,
                directory=self.directory,
                settings=json.dumps(settings),
            )
        )
        load = [require("m2sh", PACKAGE), "load", "-config", str(config), "-db", str(database)]
        subprocess.run(load, cwd=self.directory, check=True, capture_output=True)
        return database


@contextmanager
def running_mongrel2(
    *,
    protocol: Protocol = "json",
    transport: Transport = "ipc",
    routes: tuple[str, ...] = ("/",),
    settings: Settings | None = None,
) -> Iterator[Front]:
    """Run a Mongrel2 for the time of the context; skip, or fail in CI, where it is missing.

    ``settings`` are Mongrel2's own, such as ``limits.content_length`` or
    ``download.flow_control``; ``routes`` the path prefixes that lead to the handler.
    """
    require("mongrel2", PACKAGE)
    with TemporaryDirectory(prefix="mongrel2-") as directory:
        front = _started(Path(directory), transport, protocol, routes, settings or {})
        try:
            yield front
        finally:
            front.stop()


def _started(
    directory: Path,
    transport: Transport,
    protocol: Protocol,
    routes: tuple[str, ...],
    settings: Settings,
) -> Front:
    (directory / "uploads").mkdir()
    attempts = 5
    while True:
        send_spec, recv_spec = _specs(directory, transport)
        ident = str(uuid4())
        front = Front(
            directory, free_port(), send_spec, recv_spec, ident, protocol, routes, settings
        )
        try:
            front.start()
        except ChildProcessError:
            # Somebody may have taken a port between our look and Mongrel2's start.
            attempts -= 1
            if not attempts:
                raise
        else:
            return front


def _specs(directory: Path, transport: Transport) -> tuple[str, str]:
    if transport == "ipc":
        return f"ipc://{directory}/requests", f"ipc://{directory}/replies"
    return f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{free_port()}"


@contextmanager
def served(
    front: Front, respond: Callable[[Request], Response], **options: Any
) -> Iterator[Mongrel2Connection]:
    """Answer a Mongrel2's requests in a thread for the time of the context.

    ``options`` are `Mongrel2Connection`'s own; its directory of uploads is the front's. One front
    is for one such context: until Mongrel2 has noticed that a program left, it hands requests to
    it, and ZeroMQ loses them.
    """
    options.setdefault("upload_dir", front.uploads)
    connection = Mongrel2Connection(front.send_spec, front.recv_spec, **options)
    thread = Thread(target=connection.serve, args=(respond,), daemon=True)
    thread.start()
    try:
        if front.process is not None and not connection.ready.wait(10):
            raise TimeoutError("the connection does not start")
        yield connection
    finally:
        connection.stop()
        thread.join(30)
        with suppress(OSError):  # the address is used no more, so neither is its directory
            connection._peers._directory.rmdir()
    if thread.is_alive():
        raise TimeoutError("the connection does not stop")
