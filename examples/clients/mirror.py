"""Keep a copy of a stream: read its pages once, and then follow its changes.

python -m examples.clients.mirror 'http://127.0.0.1:6767/quakes?network=ci'
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import count
from threading import Event
from typing import Any
from urllib.parse import urljoin, urlsplit

Item = dict[str, Any]


class Refused(Exception):
    """The server's answer is final, such as 401 or 403: trying again is useless."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body.decode(errors='replace')}")
        self.status = status


class Closed(Exception):
    """The mirror was closed."""


class Mirror:
    """A copy of a stream that is kept up to date: iterate over it, and close it from any thread."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._url = url
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._closed = Event()
        self._connection: HTTPConnection | None = None

    def __iter__(self) -> Iterator[dict[str, Item]]:
        """Yield the items by their ids, and again after every change, until `close` is called."""
        with suppress(Closed):
            while True:
                try:
                    items, changes = self._snapshot()
                    yield items
                    for change in self._follow(changes):
                        if change["op"] == "put":
                            items[change["id"]] = change["data"]
                        else:
                            items.pop(change["id"], None)
                        yield items
                except Refused as reason:
                    if reason.status != 410:
                        raise
                    self._pause(backoff(0))  # the position is lost: start over

    def close(self) -> None:
        """End the iteration, and the request or the pause in which it is."""
        self._closed.set()
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _snapshot(self) -> tuple[dict[str, Item], str]:
        """Return every item by its id, and the URL of the changes, which the first page has."""
        items: dict[str, Item] = {}
        query = urlsplit(self._url).query
        page = self._get(self._url + ("&" if query else "?") + "limit=200")
        changes = urljoin(self._url, page["paging"]["changes"])  # it keeps filters and `fields`
        while True:
            items |= {item["id"]: item for item in page["data"]}
            if page["paging"]["next"] is None:
                return items, changes
            page = self._get(urljoin(self._url, page["paging"]["next"]))

    def _follow(self, changes: str) -> Iterator[dict[str, Any]]:
        """Yield one change after another; ``paging.next`` is where to continue."""
        while True:
            page = self._get(f"{changes}&wait=30")
            for change in page["data"]:
                self._pause(0)
                yield change
            changes = urljoin(changes, page["paging"]["next"])

    def _get(self, url: str) -> Any:
        """Return the JSON at a URL, and try again where that is useful."""
        for failures in count():
            seconds = backoff(failures)
            try:
                status, headers, body = self._request(url)
                is_json = "json" in headers.get("Content-Type", "")  # or it is a login page
                if status == 200 and is_json:
                    return json.loads(body)
                if status < 500 and status != 429:
                    raise Refused(status, body)
                seconds = max(seconds, retry_after(headers.get("Retry-After")))
                problem = f"status {status}"
            except (OSError, HTTPException, ValueError) as reason:
                problem = f"lost the connection: {reason!r}"
            self._pause(0)
            print(f"{url}: {problem}; retrying in {seconds:.1f} s", file=sys.stderr)
            self._pause(seconds)
        raise AssertionError

    def _request(self, url: str) -> tuple[int, Message, bytes]:
        """Return the status, the headers and the body at a URL."""
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=60)) as connection:
            self._connection = connection
            connection.connect()
            self._pause(0)  # it may have been closed before there was a socket to shut down
            path = f"{parts.path or '/'}?{parts.query}"
            connection.request("GET", path, headers=self._headers)
            reply = connection.getresponse()
            body = reply.read()
        self._pause(0)
        return reply.status, reply.headers, body

    def _pause(self, seconds: float) -> None:
        """Wait; raise `Closed` as soon as the mirror is closed."""
        if self._closed.wait(seconds):
            raise Closed


def backoff(failures: int) -> float:
    """Return how many seconds to wait before the next attempt: at random, so clients spread out."""
    return random.uniform(0, min(30, 0.5 * 2 ** min(failures, 6)))


def retry_after(text: str | None) -> float:
    """Return the seconds that a ``Retry-After`` header names, as a number or as a date."""
    if text is None or text.isdigit():
        return min(float(text or 0), 86_400)
    try:
        return min(parsedate_to_datetime(text).timestamp() - time.time(), 86_400)
    except ValueError:
        return 0


if __name__ == "__main__":
    for copy in Mirror(sys.argv[1]):
        print(f"{len(copy)} items")
