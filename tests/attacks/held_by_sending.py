"""A program of its own, on green threads: how long a job that is sent leaves others no turn."""

from __future__ import annotations

import json
from functools import partial
from typing import Final

from brubeck import green

green.patch("eventlet")

import msgspec  # noqa: E402, it is patched first

from brubeck.jobs.job_data import encoded  # noqa: E402, after the patch
from brubeck.jobs.opening import open_queue  # noqa: E402, likewise
from brubeck.jobs.queue import QueuedJob  # noqa: E402, likewise
from tests.neighbours import longest_hold, neighbour  # noqa: E402, likewise

BODIES: Final = {
    "lists": b"[" + b",".join([b"[]"] * 349_000) + b"]",
    "nulls": b"[" + b",".join([b"null"] * 208_000) + b"]",
    "objects": b"[" + b",".join([b'{"a":null}'] * 95_000) + b"]",
}


def measure() -> dict[str, float]:
    """Return the longest hold of each kind of data, with a key and without, in seconds of CPU."""
    queue = open_queue("memory://")
    found = {}

    def send(name: str, data: object, key: str = "") -> None:
        queue.send(QueuedJob(path="/count", id=f"{name}{key}", data=encoded(data)), key)

    for name, body in BODIES.items():
        data = msgspec.json.decode(body)
        with neighbour() as turns:
            found[name] = longest_hold(turns, partial(send, name, data))
            found[f"{name}, by a key"] = longest_hold(turns, partial(send, name, data, name))
    return found


if __name__ == "__main__":
    print(json.dumps(measure()))
