"""curl, requests, httpx and httpx-sse read a stream in each of its formats."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import Final
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import httpx
import httpx_sse
import pytest
import requests

from tests.servers import require
from tests.servers.programs import brubeck_run

WEEK: Final = 1707
"""The number of earthquakes in the week."""
PAGE: Final = 25
"""The items of a page that nobody says a limit for."""
ITEM: Final = "ci37868143"
EVENTS: Final = "text/event-stream"

Read = Callable[[str, str], Generator[str, None, None]]
"""A client: yields the lines at a URL as they arrive, for a value of ``Accept``."""


def curl(url: str, accept: str) -> Generator[str, None, None]:
    """Read by the command."""
    command = [require("curl", "curl"), "-sSN", "--compressed", "-H", f"Accept: {accept}", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield from (line.rstrip("\r\n") for line in process.stdout)
        finally:
            process.kill()


def by_requests(url: str, accept: str) -> Generator[str, None, None]:
    """Read by requests."""
    with requests.get(url, headers={"Accept": accept}, stream=True, timeout=30) as response:
        response.raise_for_status()
        yield from (bytes(line).decode() for line in response.iter_lines())


def by_httpx(url: str, accept: str) -> Generator[str, None, None]:
    """Read by httpx."""
    with httpx.stream("GET", url, headers={"Accept": accept}, timeout=30) as response:
        response.raise_for_status()
        yield from response.iter_lines()


CLIENTS: Final[dict[str, Read]] = {"curl": curl, "requests": by_requests, "httpx": by_httpx}


@pytest.fixture(scope="module")
def quakes() -> Iterator[str]:
    """Serve the earthquakes, and yield the URL of their stream."""
    with brubeck_run("tests.explorer.week:app") as program:
        yield f"http://127.0.0.1:{program.port}/quakes"


def change(quakes: str, place: str) -> None:
    """Change an item."""
    assert httpx.patch(f"{quakes}/{ITEM}", json={"place": place}).status_code == 200


def text(read: Read, url: str, accept: str = "*/*") -> str:
    """Return all that is at a URL."""
    return "\n".join(read(url, accept))


def pages(read: Read, quakes: str) -> None:
    """Read page after page."""
    found: set[str] = set()
    url = f"{quakes}?limit=200"
    while url:
        page = json.loads(text(read, url, "application/json"))
        found |= {each["id"] for each in page["data"]}
        following = page["paging"]["next"]
        url = urljoin(url, following) if following else ""
    assert len(found) == WEEK


def changes(read: Read, quakes: str) -> None:
    """Wait for the next change by a long poll."""
    now = json.loads(text(read, f"{quakes}/changes?after=now"))["paging"]["cursor"]
    with ThreadPoolExecutor() as pool:
        polled = pool.submit(text, read, f"{quakes}/changes?after={now}&wait=30")
        change(quakes, "polled")
        (found,) = json.loads(polled.result())["data"]
    assert (found["op"], found["data"]["place"]) == ("put", "polled")


def feed(read: Read, quakes: str) -> None:
    """Read an event that is sent while the feed is open."""
    with closing(read(f"{quakes}/changes?after=now", EVENTS)) as lines:
        next(line for line in lines if '"caught_up":true' in line)
        change(quakes, "fed")
        assert next(line for line in lines if line.startswith("event:")) == "event: put"
        data = next(line for line in lines if line.startswith("data:"))
    assert json.loads(data.removeprefix("data:"))["data"]["place"] == "fed"


def atom(read: Read, quakes: str) -> None:
    """Read a page of entries."""
    root = ET.fromstring(text(read, f"{quakes}.atom"))
    assert len(root.findall("{http://www.w3.org/2005/Atom}entry")) == PAGE


def lines_of(suffix: str, read: Read, quakes: str) -> None:
    """Read an export, an item a line."""
    found = text(read, f"{quakes}.{suffix}").splitlines()
    rows = csv.DictReader(found) if suffix == "csv" else map(json.loads, found)
    assert len({each["id"] for each in rows}) == WEEK


def members_of(suffix: str, member: str, count: int, read: Read, quakes: str) -> None:
    """Read a document whose member has the items."""
    assert len(json.loads(text(read, f"{quakes}.{suffix}"))[member]) == count


KINDS: Final[dict[str, Callable[[Read, str], None]]] = {
    "pages": pages,
    "changes": changes,
    "SSE": feed,
    "NDJSON": partial(lines_of, "ndjson"),
    "CSV": partial(lines_of, "csv"),
    "Atom": atom,
    "JSON Feed": partial(members_of, "feed.json", "items", PAGE),
    "GeoJSON": partial(members_of, "geojson", "features", WEEK),
}


@pytest.mark.reads("curl", *KINDS)
@pytest.mark.reads("requests", *KINDS)
@pytest.mark.reads("httpx", *KINDS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads_every_format(quakes: str, client: str, kind: str) -> None:
    """As it is installed, with no more than a URL and an ``Accept``."""
    KINDS[kind](CLIENTS[client], quakes)


@contextmanager
def events(url: str) -> Iterator[Iterator[httpx_sse.ServerSentEvent]]:
    """Yield the events of a feed by httpx-sse."""
    with httpx.Client(timeout=30) as client, httpx_sse.connect_sse(client, "GET", url) as source:
        yield source.iter_sse()


@pytest.mark.reads("httpx-sse", "SSE")
def test_httpx_sse_goes_on_from_an_event(quakes: str) -> None:
    """The id of each event is where the next feed begins."""
    with events(f"{quakes}/changes?after=now") as found:
        start = next(found)
        assert (start.event, start.json()["caught_up"]) == ("checkpoint", True)
        change(quakes, "first")
        first = next(each for each in found if each.event == "put")
    change(quakes, "second")
    with events(f"{quakes}/changes?after={first.id}") as found:
        second = next(each for each in found if each.event == "put")
    assert [each.json()["data"]["place"] for each in (first, second)] == ["first", "second"]
