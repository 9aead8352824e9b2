"""A receiver of webhooks on loopback, which notes what it gets and answers as a test wants."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from standardwebhooks import Webhook


class Received(msgspec.Struct):
    """A request that was received."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    """The status that it was answered with."""

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.headers.get("webhook-id", "")

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    def verify(self, secret: str) -> None:
        """Verify the signature, by the library of the standard."""
        Webhook(secret).verify(self.body, self.headers)


Answer = tuple[int, dict[str, str], bytes]


class Receiver:
    """What was received, and the rule by which requests are answered."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.taken: dict[str, set[str]] = defaultdict(set)
        """The ids of the messages that were answered with 2xx, by path."""
        self.connections = 0
        self.answer: Callable[[Received], int | Answer] = lambda _: 204
        self.port = 0

    def url(self, path: str = "/") -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        """Return what was received at a path."""
        return [each for each in self.received if each.path == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, *_: object) -> None:
        """Say nothing of a sender that was killed."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = Received(self.path, headers, body)
            given = receiver.answer(found)
            status, more, text = (given, {}, b"") if isinstance(given, int) else given
            found.status = status
            receiver.received.append(found)
            if status < 300:
                receiver.taken[self.path].add(found.id)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield receiver
        server.shutdown()
