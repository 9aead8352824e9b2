"""Keep a copy of a stream: read its pages once, and then follow its changes.

python -m examples.clients.mirror 'http://127.0.0.1:6767/quakes?network=ci'
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

from brubeck.client import Stream


def main(url: str) -> None:
    """Print the number of items, and again after every change."""
    base, _, query = url.partition("?")
    with Stream(base) as stream, stream.mirror(**parse_qs(query)) as mirror:
        version = 0
        while True:
            version = mirror.next_version(version)
            print(f"{len(mirror)} items", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
