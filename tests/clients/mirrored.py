"""Runs the example's mirror, and prints its copy, a line each time; SIGTERM closes it."""

from __future__ import annotations

import json
import signal
import sys
from threading import Thread

from examples.clients.mirror import Mirror, Refused

mirror = Mirror(sys.argv[1])


def follow() -> None:
    """Print every copy, or the error that ended it."""
    try:
        for items in mirror:
            print(json.dumps(sorted(items.values(), key=lambda item: str(item["id"]))), flush=True)
    except Refused as reason:
        print(json.dumps({"refused": reason.status}), flush=True)


follower = Thread(target=follow)


def close(*_: object) -> None:
    """Close the mirror; the program ends when nothing of it is left."""
    print("closed", flush=True)
    mirror.close()


signal.signal(signal.SIGTERM, close)
follower.start()
while follower.is_alive():
    follower.join(0.1)
