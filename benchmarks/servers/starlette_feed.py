"""The same feed by sse-starlette on uvicorn: a queue for each listener, as its manual does it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import uvicorn
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

queues: set[asyncio.Queue[str]] = set()


async def feed(_request: Request) -> Response:
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def events() -> AsyncIterator[dict[str, str]]:
        queues.add(queue)
        try:
            while True:
                yield {"event": "put", "id": "1", "data": await queue.get()}
        finally:
            queues.discard(queue)

    return EventSourceResponse(events())


async def post(request: Request) -> Response:
    text = json.dumps(await request.json())
    for queue in queues:
        queue.put_nowait(text)
    return JSONResponse({"data": None}, 201)


app = Starlette(
    routes=[Route("/notes/changes", feed), Route("/notes", post, methods=["POST"])],
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False)
