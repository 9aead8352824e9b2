"""Runs a mirror of the client, and prints its copy, a line each time; SIGTERM closes it."""

from __future__ import annotations

import json
import os
import signal
import sys
from threading import Thread
from urllib.parse import parse_qs

from brubeck.client import Closed, Problem, Stream

url, _, query = sys.argv[1].partition("?")
stream = Stream(url, timeout=10_000, silence=float(os.environ.get("SILENCE", "40000")) / 1000)


def follow() -> None:
    """Print every copy, or the error that ended it."""
    try:
        with stream.mirror(**parse_qs(query)) as mirror:
            version = 0
            while True:
                version = mirror.next_version(version)
                items = sorted(mirror.values(), key=lambda item: item.id)
                print(json.dumps(items), flush=True)
    except Closed:
        pass
    except Problem as reason:
        print(json.dumps({"refused": reason.status}), flush=True)


follower = Thread(target=follow)


def close(*_: object) -> None:
    """Close the stream; the program ends when nothing of it is left."""
    print("closed", flush=True)
    stream.close()


signal.signal(signal.SIGTERM, close)
follower.start()
while follower.is_alive():
    follower.join(0.1)
