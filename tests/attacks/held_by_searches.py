"""A program of its own, on green threads: how long searches that find nothing hold others up.

Each measurement has many readers look at once for what a stream does not have; see
`tests.attacks.held`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.dictshield.fields import FloatField  # noqa: E402, after the patch
from brubeck.testing import Client  # noqa: E402, after the patch
from tests.neighbours import longest_hold, neighbour  # noqa: E402, after the patch

READERS = 20
ITEMS = 5_000
PEOPLE = {"Accept": "text/html"}


class Spot(StreamedDocument):
    """An item with a position."""

    longitude = FloatField()
    latitude = FloatField()


class Spots(StreamHandler):
    """A public stream."""

    model = Spot
    path = "/spots"
    filters = ("bbox",)


def box(number: int) -> str:
    """Return a parameter that nothing meets, of a reader's own."""
    return f"bbox=-10.{number:03d},-80,-9,80"


def read_all(client: Client, path: str, headers: dict[str, str]) -> None:
    """Let many readers ask at once, and return when all have their answers."""
    statuses: list[int] = []
    done = green.Event()

    def read(number: int) -> None:
        reply = client.get(f"{path}{'&' if '?' in path else '?'}{box(number)}", headers=headers)
        statuses.append(reply.status)
        if len(statuses) == READERS:
            done.set()

    for number in range(READERS):
        green.spawn(read, number)
    done.wait()
    assert set(statuses) == {200}, statuses


def measure(url: str) -> dict[str, float]:
    """Return the longest hold (seconds of CPU time) of each way to search."""
    client = Client(Brubeck(streams=[Spots], storage=url, features="/ogc"))
    for _ in range(ITEMS // 1000):
        items = [{"longitude": 1.0, "latitude": number % 80} for number in range(1000)]
        assert client.post("/spots", json=items).status == 201
    client.get("/spots", headers=PEOPLE)  # what is imported once is no attack
    holds: dict[str, float] = {}
    with neighbour() as turns:

        def note(name: str, work: Callable[[], object]) -> None:
            holds[name] = longest_hold(turns, work)

        note("features", lambda: read_all(client, "/ogc/collections/spots/items", {}))
        note("pages for people", lambda: read_all(client, "/spots", PEOPLE))
        note("pages", lambda: read_all(client, "/spots", {}))
        note("totals", lambda: read_all(client, "/spots?total=true", {}))
    return holds


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
