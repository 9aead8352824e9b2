"""A thousand followers of a stream with `cache`, through genuine shared caches.

They follow by long poll, by polling every second, and by reading the first page every second; the
caches are set up by the files of ``deploy/``. The readers are one process, so some of the time that
it measures is its own.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import msgspec

from benchmarks.crowds import many_connections
from tests.proxies.fronts import Front
from tests.proxies.origins import Origin, running_origin
from tests.proxies.readers import Reader, write_to

FOLLOWERS = 1_000
TEXTS = 10
CACHES = {"Varnish": "varnish", "nginx": "nginx"}
KINDS = {"long poll": (50, 0.0), "polling": (0, 0.2), "the first page": (0, 0.2)}
"""Each way to follow: for how many seconds a request waits, and the pause after it."""


class Crowd(msgspec.Struct):
    """The requests of a crowd, those that the program had, missed items, and p99 in seconds."""

    asked: int
    reached: int
    missed: int
    p99: float


async def _later(delay: float, work: Awaitable[Reader]) -> None:
    """Begin after a delay in seconds, so that followers do not poll all at once."""
    await asyncio.sleep(delay)
    await work


async def _follow(front: Front, kind: str, texts: list[str], changes: str) -> Crowd:
    wait, pause = KINDS[kind]
    path = f"/quakes?limit={TEXTS}"
    readers = [Reader(front.port, path, wait=wait, pause=pause) for _ in range(FOLLOWERS)]
    first_page = kind == "the first page"
    work = [
        each.read_first_pages(texts[-1]) if first_page else each.follow(changes, texts[-1])
        for each in readers
    ]
    reading = asyncio.gather(*(_later(random.random() * pause, each) for each in work))
    took = sorted(await write_to(readers, front.port, "/quakes", texts))
    await reading
    if any(each.errors for each in readers):
        raise SystemExit("A follower had an error.")
    missed = sum(text not in each.got for each in readers for text in texts)
    asked = sum(each.requests for each in readers)
    return Crowd(asked, 0, missed, took[int(len(took) * 0.99)])


def follow(origin: Origin, front: Front, kind: str) -> Crowd:
    """Measure one way to follow through one cache."""
    texts = [f"{front.name} {kind} {number}" for number in range(TEXTS)]
    with urlopen(f"{origin.url}/quakes?limit=1") as reply:
        changes = json.load(reply)["paging"]["changes"]
    before = origin.requests("/quakes")
    crowd = asyncio.run(_follow(front, kind, texts, changes))
    crowd.reached = origin.requests("/quakes") - before
    return crowd


def table() -> str:
    """Return the table of followers behind caches."""
    lines = [
        f"### {FOLLOWERS:,} followers through a shared cache, {TEXTS} items written",
        "",
        "| | requests | at the program | from the cache | must be | missed | p99 | must be |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    with many_connections(), TemporaryDirectory() as name, running_origin(Path(name)) as origin:
        for title, cache in CACHES.items():
            directory = Path(name) / cache
            directory.mkdir()
            front = Front(cache, directory, origin.port)
            front.run()
            for kind in KINDS:
                crowd = follow(origin, front, kind)
                share = 1 - crowd.reached / crowd.asked
                lines.append(
                    f"| {title}, {kind} | {crowd.asked:,} | {crowd.reached} | {share:.2%} | ≥ 99 % "
                    f"| {crowd.missed} | {crowd.p99:.2f} s | ≤ 1.2 s |"
                )
            front.stop()
    return "\n".join([*lines, ""])
