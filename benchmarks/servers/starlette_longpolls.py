"""The same long polls by Starlette on uvicorn: each request waits on one condition."""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

messages: list[str] = []
changed = asyncio.Condition()


async def get(request: Request) -> Response:
    after = int(request.query_params["after"])
    async with changed:
        await changed.wait_for(lambda: len(messages) > after)
    return JSONResponse({"messages": messages[after:], "next": len(messages)})


async def post(request: Request) -> Response:
    text = parse_qs((await request.body()).decode())["text"][0]
    async with changed:
        messages.append(text)
        changed.notify_all()
    return JSONResponse({"next": len(messages)})


app = Starlette(
    routes=[Route("/messages", get), Route("/messages", post, methods=["POST"])],
)

if __name__ == "__main__":
    # Whoever waits here is waited for when it stops, also when they have left.
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
