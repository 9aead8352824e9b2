"""Their side: ``eventlet.wsgi`` with a bare WSGI function."""

from __future__ import annotations

import sys
from typing import Any

import eventlet
from eventlet import wsgi

from benchmarks.servers import BODY

HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def app(_environ: Any, start_response: Any) -> list[bytes]:
    """Return the body."""
    start_response("200 OK", HEADERS)
    return [BODY]


if __name__ == "__main__":
    eventlet.monkey_patch()
    wsgi.server(eventlet.listen(("127.0.0.1", int(sys.argv[1]))), app, log_output=False)
