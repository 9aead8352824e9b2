"""A program of its own, on gevent: how long names that nobody answers for hold others up."""

from __future__ import annotations

import _socket
import json
import os
import socket
from itertools import count
from time import monotonic, sleep
from typing import Any, Final

_answered = _socket.getaddrinfo


def _hanging(host: Any, *args: Any, **options: Any) -> Any:
    if str(host).endswith(".hanging"):
        pause(HANGS)
    return _answered(host, *args, **options)


# Below all that look names up: the name server that never answers.
_socket.getaddrinfo = _hanging

from brubeck import green  # noqa: E402, the library above it looks it up when it is loaded

pause = sleep  # that of the system's threads
green.patch("gevent")

from brubeck.webhooks.addresses import parse_url, resolve  # noqa: E402, it is patched first
from tests.neighbours import let_others_run  # noqa: E402, after the patch

HANGS: Final = 6.0
NAMES: Final = 100


def measure() -> dict[str, float]:
    """Return how long (seconds) others wait, while as many turns as there may be hang."""
    asked = count()

    def ask(number: int) -> None:
        next(asked)
        target = parse_url(f"https://n{number}.hanging/", allow_private=True)
        resolve(target, allow_private=True)

    for number in range(NAMES):
        green.spawn(ask, number)
    while next(asked) < NAMES:
        let_others_run()
    began = monotonic()
    green.offload(socket.htons, 1)
    offloaded = monotonic() - began
    resolve(parse_url("https://localhost/", allow_private=True), allow_private=True)
    return {"offloaded": offloaded, "resolved": monotonic() - began - offloaded}


if __name__ == "__main__":
    print(json.dumps(measure()), flush=True)
    os._exit(0)  # not behind the names that still hang
