"""What the peers' pages are made of and served by, so that all of them answer alike."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI
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


def load() -> list[Quake]:
    """Return the week, newest first."""
    return sorted((Quake(**item) for item in quakes()), key=lambda q: (-q.created_at, q.id))


def page_of(found: list[Quake], limit: int) -> Page:
    """Return a page of what was found with one more than the limit."""
    data = found[:limit]
    cursor = f"/quakes?before={data[-1].created_at}~{data[-1].id}" if len(found) > limit else None
    return Page(data=data, paging=Paging(limit=limit, next=cursor))


def serve(app: FastAPI | str, port: int, workers: int = 1) -> None:
    """Serve on the fastest settings that there are; several workers need the name of the app."""
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        workers=workers,
    )
