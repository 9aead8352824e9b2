"""Their side: FastAPI with a pydantic response model, paging through a sorted Python list.

The same items, the same page and links, a cursor found by bisection; no filters and no changes.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query
from pydantic import BaseModel

from examples.earthquakes.week import quakes


class Quake(BaseModel):
    """One earthquake."""

    id: str
    created_at: int
    updated_at: int
    place: str
    magnitude: float
    magnitude_type: str | None = None
    network: str | None = None
    kind: str | None = None
    latitude: float
    longitude: float
    depth: float | None = None
    felt: int | None = None
    tsunami: bool
    status: str | None = None
    url: str | None = None


class Paging(BaseModel):
    """Where the next page is."""

    limit: int
    next: str | None


class Page(BaseModel):
    """A page."""

    data: list[Quake]
    paging: Paging


items = sorted((Quake(**item) for item in quakes()), key=lambda q: (-q.created_at, q.id))
keys = [(-item.created_at, item.id) for item in items]
app = FastAPI()


@app.get("/quakes")
async def page(limit: Annotated[int, Query(ge=1, le=200)] = 25, before: str | None = None) -> Page:
    """Return a page, newest first."""
    start = 0
    if before is not None:
        at, _, item_id = before.partition("~")
        start = bisect_right(keys, (-int(at), item_id))
    data = items[start : start + limit]
    more = start + limit < len(items)
    cursor = f"/quakes?before={data[-1].created_at}~{data[-1].id}" if more else None
    return Page(data=data, paging=Paging(limit=limit, next=cursor))


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
