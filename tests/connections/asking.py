"""What the tests of the embedded server have in common: its program, and how it is asked."""

from __future__ import annotations

import socket
from http.client import HTTPResponse

PROGRAM = "tests.connections.program:app"
QUICK = "tests.connections.quick:app"
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def whole(response: HTTPResponse) -> tuple[int, bytes]:
    """Return the status and the body of a response."""
    return response.status, response.read()


def refused(port: int) -> bool:
    """Tell whether nobody listens on a port any more."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
