"""Their side: new earthquakes validated by pydantic, and kept in the store at a URL.

The answer is dumped once and sent as it is: a response model would validate it a second time.
"""

from __future__ import annotations

import sys
import time
from uuid import uuid4

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field, HttpUrl, TypeAdapter

from benchmarks.servers.quake_models import serve
from benchmarks.servers.stores import store_of


class NewQuake(BaseModel):
    """One earthquake as it comes, with the bounds of the example's document."""

    place: str = Field(max_length=200)
    magnitude: float | None = Field(None, ge=-3, le=10)
    magnitude_type: str | None = Field(None, max_length=8)
    network: str | None = Field(None, max_length=8)
    kind: str | None = Field(None, max_length=40)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    depth: float | None = None
    felt: int | None = Field(None, ge=0)
    tsunami: bool | None = None
    status: str | None = Field(None, max_length=16)
    url: HttpUrl | None = None


class Quake(NewQuake):
    """One earthquake as it is kept."""

    id: str
    created_at: int
    updated_at: int


class Made(BaseModel):
    """The result of one of several documents."""

    status: int = 201
    data: Quake


app = FastAPI()
keep = store_of(sys.argv[1])
_many = TypeAdapter(dict[str, list[Made]])
_one = TypeAdapter(dict[str, Quake])


def made(new: NewQuake) -> Quake:
    """Give a new earthquake an id and the time."""
    now = int(time.time() * 1000)
    return Quake.model_construct(id=uuid4().hex, created_at=now, updated_at=now, **new.__dict__)


async def create(new: NewQuake) -> Response:
    """Keep one."""
    quake = made(new)
    await keep([quake.model_dump(mode="json")], [quake.model_dump_json().encode()])
    return Response(_one.dump_json({"data": quake}), 201, media_type="application/json")


async def create_many(new: list[NewQuake]) -> Response:
    """Keep each of a list, in one command of the store."""
    quakes = [made(each) for each in new]
    items = [each.model_dump(mode="json") for each in quakes]
    await keep(items, [each.model_dump_json().encode() for each in quakes])
    body = _many.dump_json({"data": [Made.model_construct(data=each) for each in quakes]})
    return Response(body, 201, media_type="application/json")


if __name__ == "__main__":
    app.post("/quakes", status_code=201)(create_many if "many" in sys.argv else create)
    serve(app, int(sys.argv[-1]))
