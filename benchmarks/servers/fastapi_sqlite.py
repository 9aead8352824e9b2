"""Their side: FastAPI on SQLAlchemy Core and SQLite.

A page is read on the event loop: it is quick, and the threads of plain functions take four times as
long, since they wait for each other.
"""

from __future__ import annotations

import sys
from typing import Annotated

from fastapi import FastAPI, Query
from sqlalchemy import and_, create_engine, event, or_, select

from benchmarks.servers.quake_models import Page, Quake, load, page_of, serve
from benchmarks.servers.quake_table import quakes, use_wal

URL = sys.argv[1]
app = FastAPI()
engine = create_engine(URL)
event.listen(engine, "connect", use_wal)


@app.get("/quakes")
async def page(limit: Annotated[int, Query(ge=1, le=200)] = 25, before: str | None = None) -> Page:
    """Return a page, newest first."""
    query = select(quakes).order_by(quakes.c.created_at.desc(), quakes.c.id.desc())
    if before is not None:
        at, _, item_id = before.partition("~")
        here = and_(quakes.c.created_at == int(at), quakes.c.id < item_id)
        query = query.where(or_(quakes.c.created_at < int(at), here))
    with engine.connect() as connection:
        rows = connection.execute(query.limit(limit + 1)).mappings().all()
    return page_of([Quake.model_validate(row) for row in rows], limit)


if __name__ == "__main__":
    quakes.metadata.drop_all(engine)
    quakes.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(quakes.insert(), [each.model_dump() for each in load()])
    serve(app, int(sys.argv[2]))
