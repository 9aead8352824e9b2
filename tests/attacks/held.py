"""A program of its own, on green threads: how long each attack leaves others no turn.

Plain threads are interrupted every few milliseconds, whatever they do; green threads are not.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.dictshield.document import EmbeddedDocument  # noqa: E402
from brubeck.dictshield.fields import (  # noqa: E402
    BaseField,
    DateTimeField,
    EmbeddedDocumentField,
    IntField,
    ListField,
    SortedListField,
    StringField,
)
from brubeck.testing import Client  # noqa: E402
from tests.attacks.people import JSON  # noqa: E402
from tests.neighbours import longest_hold, neighbour  # noqa: E402


class Part(EmbeddedDocument):
    """A part of an item."""

    a = StringField()
    n = IntField(default=5)


class Item(StreamedDocument):
    """An item of many kinds of fields."""

    text = StringField()
    parts = ListField(EmbeddedDocumentField(Part))
    mixed = ListField([IntField(), EmbeddedDocumentField(Part)])
    times = ListField(DateTimeField())
    ordered = SortedListField(IntField())
    more = BaseField()


class Items(StreamHandler):
    """A public stream."""

    model = Item
    path = "/items"


BODIES: dict[str, str] = {
    "signs": '{"text":"' + "<" * 1_000_000 + '"}',
    "quotes": '{"text":"' + '\\"' * 500_000 + '"}',
    "controls": '{"text":"' + "\\u0001" * 170_000 + '"}',
    "parts": '{"parts":[' + ",".join(["{}"] * 40_000) + "]}",
    "parts of several kinds": '{"mixed":[' + ",".join(["{}"] * 30_000) + "]}",
    "moments": '{"times":[' + ",".join(['"2026-01-01T00:00:00Z"'] * 20_000) + "]}",
    "ordered": '{"ordered":[' + ",".join(map(str, range(100_000, 0, -1))) + "]}",
    "objects": '{"more":{"x":[' + ",".join(["{}"] * 60_000) + "]}}",
    "numbers": '{"more":{"x":[' + ",".join(["1.5"] * 200_000) + "]}}",
    "nested": '{"more":{"x":[' + ",".join(["[" * 20 + "]" * 20] * 25_000) + "]}}",
    "names": '{"more":{' + ",".join(f'"{name:06x}":0' for name in range(40_000)) + "}}",
}
ACCEPTED = (
    *("application/json", "text/html", "application/atom+xml", "application/feed+json"),
    *("text/csv", "application/x-ndjson"),
)


def measure(kind: str) -> dict[str, float]:
    """Return the longest hold (seconds of CPU time) of each way to use a body."""
    client = Client(Brubeck(streams=[Items], storage="memory://"))
    client.get("/items", headers={"Accept": "text/html"})  # what is imported once is no attack
    body = BODIES[kind].encode()
    holds: dict[str, float] = {}
    with neighbour() as turns:

        def note(name: str, work: Callable[[], object]) -> None:
            holds[name] = longest_hold(turns, work)

        rejected = body[:-1] + b',"unknown":1}'
        note("PUT rejected", lambda: client.put("/items/a", body=rejected, headers=JSON))
        assert client.get("/items/a").status == 404, kind
        note("PUT", lambda: client.put("/items/a", body=body, headers=JSON))
        assert client.get("/items/a").status == 200, kind
        note("PUT again", lambda: client.put("/items/a", body=body, headers=JSON))
        escaped = body.replace(b"{", b'{"\\u0074ext":"",', 1)
        note("PATCH with an escape", lambda: client.patch("/items/a", body=escaped, headers=JSON))
        note("PATCH", lambda: client.patch("/items/a", json={"text": "<" * 9}))
        note("PATCH of all", lambda: client.patch("/items/a", body=body, headers=JSON))
        for accept in ACCEPTED:
            note(accept, lambda: client.get("/items", headers={"Accept": accept}).body)  # noqa: B023
        note("page", lambda: client.get("/items/a", headers={"Accept": "text/html"}))
    return holds


if __name__ == "__main__":
    print(json.dumps({kind: measure(kind) for kind in BODIES}))
