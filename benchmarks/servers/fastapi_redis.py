"""Their side: FastAPI on `redis.asyncio`, each item's JSON a member of a set sorted by time.

So a page is one command, which is as few as there can be.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import redis
from fastapi import FastAPI, Query
from redis.asyncio import Redis

from benchmarks.servers.quake_models import Page, Quake, load, page_of, serve

URL = sys.argv[1]
KEY = "peer:quakes"
app = FastAPI()
client = Redis.from_url(URL)


@app.get("/quakes")
async def page(limit: Annotated[int, Query(ge=1, le=200)] = 25, before: str | None = None) -> Page:
    """Return a page, newest first."""
    top = f"({before.partition('~')[0]}" if before else "+inf"
    rows: Any = await client.zrange(
        KEY, top, "-inf", desc=True, byscore=True, offset=0, num=limit + 1
    )
    return page_of([Quake.model_validate_json(row) for row in rows], limit)


if __name__ == "__main__":
    with redis.Redis.from_url(URL) as filling:
        filling.zadd(KEY, {each.model_dump_json(): each.created_at for each in load()})
    if "workers=2" in sys.argv:  # of those that uvicorn starts, each imports this module
        serve(f"{__spec__.name}:app", int(sys.argv[-1]), workers=2)
    else:
        serve(app, int(sys.argv[-1]))
