"""A program of its own, on green threads: the cost of a receiver of webhooks to others.

Its arguments are the engine, the seconds of an attempt, and the URL of the receiver. It prints the
seconds of an attempt, the longest hold (seconds of CPU time), and the error.
"""

from __future__ import annotations

import json
import sys
from time import monotonic

from brubeck import green

green.patch(sys.argv[1])

from brubeck.webhooks.sender import Answer, Sender  # noqa: E402, it is patched first
from tests.neighbours import longest_hold, neighbour  # noqa: E402, after the patch


def measure(seconds: float, url: str) -> dict[str, object]:
    """Return the time, the longest hold and the error of an attempt."""
    sender = Sender(url, timeout=seconds, allow_private=True)
    answers: list[Answer] = []
    began = monotonic()
    with neighbour() as turns:
        hold = longest_hold(turns, lambda: answers.append(sender.post({}, b"{}")))
    return {"seconds": monotonic() - began, "hold": hold, "error": answers[-1].error}


if __name__ == "__main__":
    Sender("http://localhost:1/", timeout=5, allow_private=True).post({}, b"")  # the imports
    print(json.dumps(measure(float(sys.argv[2]), sys.argv[3])))
