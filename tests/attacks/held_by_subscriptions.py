"""A program of its own, on green threads: how long looks at many subscriptions hold up others.

Each subscription is one to a partition of its own, whose head is asked for.
"""

from __future__ import annotations

import json
from typing import Any, Final

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.consumers.stopping import Stop  # noqa: E402, after the patch
from brubeck.dictshield.fields import StringField  # noqa: E402, after the patch
from brubeck.testing import Client  # noqa: E402, after the patch
from brubeck.webhooks import Webhooks  # noqa: E402, after the patch
from brubeck.webhooks.dispatcher import Dispatcher  # noqa: E402, after the patch
from tests.attacks.people import Badge, as_caller  # noqa: E402, after the patch
from tests.neighbours import longest_hold, neighbour  # noqa: E402, after the patch

NUMBER: Final = 2000


class Note(StreamedDocument):
    """An item."""

    text = StringField()


class Notes(StreamHandler):
    """A public stream of many partitions."""

    model = Note
    path = "/notes/<room>"


class Hooks(Webhooks):
    """Its webhooks."""

    sources = (Notes,)
    schemes = (Badge(),)
    max_subscriptions = NUMBER


def measure() -> dict[str, float]:
    """Return the longest hold (seconds of CPU time) of each step of a look."""
    app = Brubeck(streams=[Notes, Hooks], storage="memory://")
    client = Client(app)
    for start in range(0, NUMBER, 100):
        items: list[dict[str, Any]] = [
            {"url": "https://example.com/", "stream": "/notes/<room>", "partition": f"p{number}"}
            for number in range(start, start + 100)
        ]
        assert client.post("/webhooks", json=items, headers=as_caller("ann")).status == 201
    dispatcher = Dispatcher(app, Hooks, Stop())
    with neighbour() as turns:
        follow = longest_hold(turns, dispatcher.follow)
        assert len(dispatcher._known) == NUMBER
        return {"follow": follow, "due": longest_hold(turns, dispatcher.due)}


if __name__ == "__main__":
    print(json.dumps(measure()))
