"""Pages of a Redis that begin anywhere among thousands of items of one moment."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.dictshield.fields import ListField, StringField
from brubeck.storage import Put
from brubeck.testing import Client
from tests.servers.redis import RedisServer

TAGS = [f"t{number}" for number in range(50)]
WANTED = "&".join(f"tags__in={tag}" for tag in TAGS[:16])


class Item(StreamedDocument):
    """An item of several tags."""

    tags = ListField(StringField())


def served(storage: str, items: dict[str, tuple[int, list[str]]]) -> Client:
    """Return a client of a stream that has these items, given as id: (time, tags)."""

    class Items(StreamHandler):
        model = Item
        path = f"/items-{uuid4().hex}"  # the server is for all tests
        filters = ("tags", "tags__in")

    app = Brubeck(streams=[Items], storage=storage)
    puts = [
        Put(
            id=item_id,
            created_at=at,
            body=json.dumps({"id": item_id, "created_at": at, "tags": tags}).encode(),
            token=item_id,
        )
        for item_id, (at, tags) in items.items()
    ]
    for start in range(0, len(puts), 500):
        app.stream(Items).records().write(puts[start : start + 500])
    return Client(app)


def ids_of(client: Client, query: str) -> list[str]:
    """Return the ids of a page."""
    path = client.application.streams[0].path
    data: list[dict[str, Any]] = client.get(f"{path}?{WANTED}&{query}").json()["data"]
    return [each["id"] for each in data]


@pytest.mark.parametrize("tags_each", [1, 3, 50])
def test_a_made_up_cursor_begins_where_it_should(redis_server: RedisServer, tags_each: int) -> None:
    """Also where nothing stands there, in the order of any value; a memory's pages are the rule."""
    chosen = random.Random(tags_each)
    items = {
        f"{'x' * chosen.choice((0, 20, 100))}{number}": (
            chosen.choice((1000, 2000, 3000)),
            chosen.sample(TAGS, tags_each),
        )
        for number in range(150)
    }
    here, there = served("memory://", items), served(redis_server.url, items)
    places = [*chosen.sample(sorted(items), 10), "x", "x" * 20 + "5", "z", "0", "x" * 100 + "z"]
    for place in places:
        for at in (999, 1000, 2000, 3000, 3001):
            for way in ("before", "after"):
                query = f"{way}={at}~{place}&limit=7"
                assert ids_of(there, query) == ids_of(here, query), query


def test_ties_are_found_once(redis_server: RedisServer) -> None:
    """A page of sixteen values searched among the ties of each: twelve steps for each."""
    items = {f"{'x' * 100}{number:05d}": (1000, TAGS) for number in range(2000)}
    client = served(redis_server.url, items)
    ids_of(client, "limit=1")
    with redis_server.client() as redis:

        def looked() -> int:
            said: Any = redis.info("commandstats")
            return int(said["cmdstat_zrange"]["calls"])

        before = looked()
        assert len(ids_of(client, f"before=1000~{'x' * 100}01000x&limit=10")) == 10
        assert looked() - before < 100
