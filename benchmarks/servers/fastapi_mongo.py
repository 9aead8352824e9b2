"""Their side: FastAPI on PyMongo's asynchronous client, with an index of the timeline."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from fastapi import FastAPI, Query
from pymongo import AsyncMongoClient, MongoClient

from benchmarks.servers.quake_models import Page, Quake, load, page_of, serve

URL = sys.argv[1]
ORDER = [("created_at", -1), ("_id", -1)]
app = FastAPI()
client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(URL)


@app.get("/quakes")
async def page(limit: Annotated[int, Query(ge=1, le=200)] = 25, before: str | None = None) -> Page:
    """Return a page, newest first."""
    query: dict[str, Any] = {}
    if before is not None:
        at, _, item_id = before.partition("~")
        here = {"created_at": int(at), "_id": {"$lt": item_id}}
        query = {"$or": [{"created_at": {"$lt": int(at)}}, here]}
    rows = client["peer"]["quakes"].find(query).sort(ORDER).limit(limit + 1)
    return page_of([Quake(**row) async for row in rows], limit)


if __name__ == "__main__":
    filling: MongoClient[dict[str, Any]] = MongoClient(URL)
    items = [each.model_dump() for each in load()]
    filling["peer"]["quakes"].drop()
    filling["peer"]["quakes"].insert_many([item | {"_id": item["id"]} for item in items])
    filling["peer"]["quakes"].create_index(ORDER)
    filling.close()
    serve(app, int(sys.argv[2]))
