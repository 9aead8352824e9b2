"""A program of its own, on green threads: how long items of many fields leave others no turn.

A page is bounded in bytes and in items; a table has a cell for each field of each item. See
`tests.attacks.held`.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import product
from string import ascii_lowercase
from typing import Any

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.dictshield.fields import StringField  # noqa: E402, after the patch
from brubeck.testing import Client  # noqa: E402, after the patch
from tests.neighbours import longest_hold, neighbour  # noqa: E402, after the patch

FIELDS = ["".join(pair) for pair in product("qwxz" + ascii_lowercase[1:8], "bcdghjklmnpqrx")][:150]
ITEMS = 1000
LINES = 3000

Wide: Any = type(
    "Wide", (StreamedDocument,), {name: StringField() for name in FIELDS} | {"__module__": __name__}
)


class Wides(StreamHandler):
    """A public stream of items with many fields."""

    model = Wide
    path = "/wide"


def whole(client: Client, path: str) -> bytes:
    """Return the whole body of an answer that is streamed."""
    return client.get(path).body


def measure() -> dict[str, float]:
    """Return the longest hold (seconds of CPU time) of each way to make much of many fields."""
    client = Client(Brubeck(streams=[Wides], storage="memory://"))
    item = dict.fromkeys(FIELDS, "x")
    for _ in range(ITEMS // 100):
        assert client.post("/wide", json=[item] * 100).status == 201
    lines = {"Content-Type": "application/x-ndjson"}
    client.get("/wide?limit=1", headers={"Accept": "text/html"})  # what is imported once
    client.post("/wide", body=b"x\n", headers=lines)
    holds: dict[str, float] = {}
    with neighbour() as turns:
        for accept in ("text/html", "application/atom+xml", "application/json"):
            page = partial(client.get, "/wide?limit=1000", headers={"Accept": accept})
            holds[accept] = longest_hold(turns, page)
        for shape in ("csv", "ndjson"):
            holds[shape] = longest_hold(turns, partial(whole, client, f"/wide.{shape}"))
        holds["lines"] = longest_hold(
            turns, lambda: client.post("/wide", body=b"x\n" * LINES, headers=lines).body
        )
    return holds


if __name__ == "__main__":
    print(json.dumps(measure()))
