"""A server in front of a program, which gives planned answers to its next requests."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

LOST = 0
"""The planned status of a connection that ends without an answer."""
PASS = 1
"""The planned status of a request that is passed on."""
SILENCE = -1
"""The planned status of a connection without an answer that stays open."""


@dataclass
class Asked:
    """A request: its kind, its path, when it came, and when its client went."""

    kind: str
    path: str
    at: float = field(default_factory=time.monotonic)
    ended: Event = field(default_factory=Event)


class Front:
    """Passes requests on to a port, one connection each, unless another answer is planned."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.requests: list[Asked] = []
        self.prefix = ""
        """A prefix of paths that the program does not know, as of a proxy that strips it."""
        self.links = b'"/notes'
        """The beginning of the program's links as clients get it."""
        self.plans: dict[str, deque[tuple[int, Mapping[str, str]]]] = {}
        front = self

        class Handler(_Handler):
            """One connection."""

            owner = front

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def plan(self, kind: str, status: int, **headers: str) -> None:
        """Answer the next request of a kind (``page``, ``changes``, ``feed``) with a status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.plans.setdefault(kind, deque()).append((status, named))

    def of(self, kind: str) -> list[Asked]:
        """Return the requests of a kind so far."""
        return [each for each in self.requests if each.kind == kind]


class _Handler(BaseHTTPRequestHandler):
    owner: Front

    def do_GET(self) -> None:
        """Answer as planned, or as the program does."""
        feed = self.headers.get("Accept") == "text/event-stream"
        kind = "feed" if feed else "changes" if "/changes" in self.path else "page"
        asked = Asked(kind, self.path)
        self.owner.requests.append(asked)
        plans = self.owner.plans.get(kind)
        status, headers = plans.popleft() if plans else (PASS, {})
        try:
            if status == PASS:
                self._pass(asked)
            elif status == SILENCE:
                self.connection.recv(1)  # it returns when the client goes
            elif status != LOST:
                self._answer(status, headers)
        finally:
            asked.ended.set()

    def _answer(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>Not now</h1>")

    def _pass(self, asked: Asked) -> None:
        with closing(HTTPConnection("127.0.0.1", self.owner.target, timeout=60)) as upstream:
            path = self.path.removeprefix(self.owner.prefix)
            upstream.request("GET", path, headers={"Accept": self.headers["Accept"]})
            Thread(target=self._watch, args=(upstream.sock, asked), daemon=True).start()
            with suppress(OSError, HTTPException):
                reply = upstream.getresponse()
                self.send_response(reply.status)
                for name in ("Content-Type", "Retry-After"):
                    if value := reply.getheader(name):
                        self.send_header(name, value)
                self.end_headers()
                while chunk := reply.read1():
                    self.wfile.write(chunk.replace(b'"/notes', self.owner.links))

    def _watch(self, upstream: socket.socket, asked: Asked) -> None:
        """End the request to the program as soon as the client goes."""
        with suppress(OSError):  # a client that goes with data unread resets the connection
            self.connection.recv(1)
        asked.ended.set()
        with suppress(OSError):
            upstream.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def front_of(port: int) -> Iterator[Front]:
    """Stand before a port for the time of the context."""
    front = Front(port)
    try:
        yield front
    finally:
        front.server.shutdown()
        front.server.server_close()
