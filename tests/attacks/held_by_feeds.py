"""A program of its own, on green threads: how long feeds with filters of their own hold others up.

See `tests.attacks.held`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.dictshield.fields import ListField, StringField  # noqa: E402, after the patch
from brubeck.testing import Client  # noqa: E402, after the patch
from tests.neighbours import longest_hold, neighbour  # noqa: E402, after the patch

FEEDS = {"memory": 200, "sqlite": 50}
"""How many of them, by the kind of the storage."""


class Tagged(StreamedDocument):
    """An item with many values."""

    tags = ListField(StringField())


class Tags(StreamHandler):
    """A public stream."""

    model = Tagged
    path = "/tags"
    filters = ("tags__in",)


def followed(client: Client, number: int) -> Iterator[bytes]:
    """Return the chunks of a feed that has caught up, and whose filter nothing meets."""
    query = "&".join(f"tags__in={number}.{each}" for each in range(50))
    accept = {"Accept": "text/event-stream"}
    chunks = client.get(f"/tags/changes?after=now&{query}", headers=accept).chunks()
    next(chunks)
    return chunks


def measure(url: str) -> float:
    """Return the longest hold (seconds of CPU time) after a list of items was written."""
    client = Client(Brubeck(streams=[Tags], storage=url))
    client.put("/tags/a", json={})
    for number in range(FEEDS[url.partition(":")[0]]):
        green.spawn(list, followed(client, number))
    green.sleep(0.1)  # the readers begin to wait: nothing outside tells that they do
    items = [{"tags": [f"t{each}" for each in range(100)]}] * 1000
    with neighbour() as turns:

        def write() -> None:
            assert client.post("/tags", json=items).status == 201
            green.sleep(1)  # the window in which holds are measured, not a wait for one

        return longest_hold(turns, write)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
