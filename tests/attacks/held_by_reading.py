"""A program of its own, on green threads: how long a short request to read leaves others no turn.

Plain threads are interrupted every few milliseconds, whatever they do; green threads are not.
"""

from __future__ import annotations

import json
from tempfile import TemporaryDirectory

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.dictshield.fields import IntField, ListField, StringField  # noqa: E402
from brubeck.testing import Client  # noqa: E402
from tests.neighbours import longest_hold, neighbour  # noqa: E402


class Item(StreamedDocument):
    """An item with many tags."""

    text = StringField()
    tags = ListField(StringField())
    n = IntField()


class Items(StreamHandler):
    """A public stream."""

    model = Item
    path = "/items"
    filters = ("tags__in", "tags", "n__gte", "text")


FIFTY = "&".join(f"tags__in={number:02}" for number in range(50))
READS = {
    "a total": "/items?limit={}&total=true",
    "a total by one tag": "/items?limit={}&total=true&text=t1",
    "a total by many tags": f"/items?limit={{}}&total=true&{FIFTY}",
    "a page that few items meet": f"/items?limit={{}}&n__gte=100000&{FIFTY}",
    "changes that few items meet": f"/items/changes?limit={{}}&after=0&{FIFTY}",
    "a page for people": "/items?limit={}&text=t1",
}


def measure(url: str) -> dict[str, float]:
    """Return the longest hold (seconds of CPU time) of each way to read."""
    client = Client(Brubeck(streams=[Items], storage=url))
    stream = client.application.stream(Items)
    tags = [[f"{(first + more) % 150 + 50:03}" for more in range(100)] for first in range(150)]
    for _ in range(5):
        items = [{"text": f"t{at % 7}", "n": at, "tags": tags[at % 150]} for at in range(1000)]
        stream.insert_many(items)
    holds: dict[str, float] = {}
    with neighbour() as turns:
        for name, target in READS.items():
            headers = {"Accept": "text/html" if "people" in name else "application/json"}
            # Each limit is another page: one that was made before costs nothing.
            asked = [target.format(limit) for limit in (1, 2, 3)]
            assert client.get(asked.pop(), headers=headers).status == 200
            holds[name] = min(
                longest_hold(turns, lambda: client.get(each, headers=headers).body)  # noqa: B023
                for each in asked
            )
    return holds


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        urls = {"memory": "memory://", "sqlite": f"sqlite:///{folder}/items.db"}
        print(json.dumps({kind: measure(url) for kind, url in urls.items()}))
