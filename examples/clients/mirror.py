"""Keep a copy of a stream: walk its pages once, and then follow its changes.

python -m examples.clients.mirror http://127.0.0.1:6767/quakes
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

Item = dict[str, Any]


class PlaceLost(Exception):
    """The stream's history up to our place is gone: start over."""


def get(url: str, **headers: str) -> Any:
    """Return the JSON at a URL."""
    try:
        with urlopen(Request(url, headers=headers), timeout=90) as reply:
            return json.load(reply)
    except HTTPError as error:
        if error.code == 410:
            raise PlaceLost from error
        raise


def snapshot(url: str) -> tuple[dict[str, Item], str]:
    """Return every item by its id, and where to follow from: the first page says it."""
    items: dict[str, Item] = {}
    page = get(f"{url}?limit=200")
    changes = urljoin(url, page["paging"]["changes"])
    while True:
        items |= {item["id"]: item for item in page["data"]}
        if page["paging"]["next"] is None:
            return items, changes
        page = get(urljoin(url, page["paging"]["next"]))


def follow(changes: str) -> Iterator[dict[str, Any]]:
    """Yield one change after another, for ever; whoever goes on later keeps ``paging.next``."""
    while True:
        try:
            found = get(f"{changes}&wait=30")
        except (OSError, HTTPException) as reason:
            if isinstance(reason, HTTPError) and reason.code < 500:
                raise  # trying again would be no use
            print(f"Trying again: {reason}", file=sys.stderr)
            time.sleep(1)
            continue
        yield from found["data"]
        changes = urljoin(changes, found["paging"]["next"])


def mirror(url: str) -> Iterator[dict[str, Item]]:
    """Yield our copy of a stream whenever it has changed; it starts over by itself."""
    while True:
        items, changes = snapshot(url)
        yield items
        try:
            for change in follow(changes):
                if change["op"] == "put":
                    items[change["id"]] = change["data"]
                else:
                    items.pop(change["id"], None)
                yield items
        except PlaceLost:
            continue


if __name__ == "__main__":
    for copy in mirror(sys.argv[1]):
        print(f"{len(copy)} items")
