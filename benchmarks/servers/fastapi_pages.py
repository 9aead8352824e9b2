"""Their side: FastAPI with a pydantic response model, paging through a sorted Python list.

The same items, the same page and links, a cursor found by bisection; no filters and no changes.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.middleware.gzip import GZipMiddleware

from benchmarks.servers.quake_models import Page, load, page_of, serve

items = load()
keys = [(-item.created_at, item.id) for item in items]
app = FastAPI()


@app.get("/quakes")
async def page(limit: Annotated[int, Query(ge=1, le=200)] = 25, before: str | None = None) -> Page:
    """Return a page, newest first."""
    start = 0
    if before is not None:
        at, _, item_id = before.partition("~")
        start = bisect_right(keys, (-int(at), item_id))
    return page_of(items[start : start + limit + 1], limit)


if __name__ == "__main__":
    if "gzip" in sys.argv:
        app.add_middleware(GZipMiddleware)
    serve(app, int(sys.argv[-1]))
