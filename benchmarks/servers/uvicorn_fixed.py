"""Their side: a bare ASGI function on uvicorn with uvloop and httptools."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

from benchmarks.servers import BODY

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(BODY)).encode()),
    ],
}


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Return the body."""
    if scope["type"] == "http":
        await send(START)
        await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
