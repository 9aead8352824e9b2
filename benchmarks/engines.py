"""The CPU time that a storage's server takes for an operation, beside that of its client.

One server works on one core at a time (Redis) or on several (MongoDB), however many machines ask
it. So what it takes for an operation is the limit of all of them together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.side_by_side import cpu_time
from benchmarks.storages import SCHEMA, fill, fresh
from brubeck.storage import ChangesQuery, PageQuery, RecordStream, open_storage
from tests.servers.mongo import mongo_set, set_url
from tests.servers.processes import Server
from tests.servers.redis import RedisServer, redis_cluster
from tests.servers.resharding import Resharding

ITEMS: Final = 20_000
MOVED: Final = 100_000
ROUNDS: Final = 5
SECONDS: Final = 0.5


@contextmanager
def _redis(directory: Path) -> Iterator[tuple[str, Server]]:
    server = RedisServer(directory)
    server.run()
    try:
        yield server.url, server
    finally:
        server.stop()


@contextmanager
def _cluster(directory: Path) -> Iterator[tuple[str, Server]]:
    with redis_cluster(directory, 1) as (server,):
        yield f"redis+cluster://127.0.0.1:{server.port}", server


@contextmanager
def _mongo(directory: Path) -> Iterator[tuple[str, Server]]:
    with mongo_set(directory) as members:
        yield set_url(members), members[0]


ENGINES: Final = {"Redis": _redis, "Redis Cluster": _cluster, "MongoDB": _mongo}


def _works(stream: RecordStream) -> dict[str, tuple[int, Callable[[], object]]]:
    """Return operations, and how many items each of them is divided by."""
    after = stream.changes(ChangesQuery(limit=1)).position
    return {
        "a page of 25": (1, lambda: stream.page(PageQuery(limit=25))),
        "a step of 100 changes": (1, lambda: stream.changes(ChangesQuery(limit=100, after=after))),
        "a step of 1 change": (1, lambda: stream.changes(ChangesQuery(limit=1, after=after))),
        "a look for news": (1, stream.head),
        "a new item, one by one": (1, lambda: stream.write(fresh(1))),
        "a new item of 1,000": (1000, lambda: stream.write(fresh(1000))),
    }


def table() -> str:
    """Return the table of all engines."""
    lines = ["### CPU time of a storage's server for an operation", ""]
    lines += ["| | operation | server | client |", "| --- | --- | ---: | ---: |"]
    for name, engine in ENGINES.items():
        with TemporaryDirectory() as directory, engine(Path(directory)) as (url, server):
            assert server.process is not None
            storage = open_storage(url)
            stream = storage.records("quakes", SCHEMA)
            fill(stream, ITEMS)
            for what, (share, work) in _works(stream).items():
                there, here = _measured(server.process.pid, work, share)
                lines.append(f"| {name} | {what} | {there:,.0f} µs | {here:,.0f} µs |")
            storage.close()
    return "\n".join([*lines, "", _move(), ""])


def _move() -> str:
    """Return how long the slot of a stream takes to another master of a Redis Cluster."""
    with TemporaryDirectory() as directory, redis_cluster(Path(directory), 2) as masters:
        storage = open_storage(f"redis+cluster://127.0.0.1:{masters[0].port}")
        fill(storage.records("quakes", SCHEMA), MOVED)
        storage.close()
        moving = Resharding(masters, "brubeck:{quakes}")
        target = next(each for each in masters if each is not moving.owner())
        times = [time.perf_counter()]
        times += [time.perf_counter() for _ in moving.steps(target)]
    longest = max(after - before for before, after in pairwise(times))
    return (
        f"To move the slot of a stream of {MOVED:,} items to another master took "
        f"{(times[-1] - times[0]) * 1000:,.0f} ms; its largest key took {longest * 1000:,.0f} ms."
    )


def _measured(pid: int, work: Callable[[], object], share: int) -> tuple[float, float]:
    """Return the medians of the server's and of the client's microseconds."""
    found = []
    for _ in range(ROUNDS):
        calls, start, here, there = 0, time.perf_counter(), time.process_time(), cpu_time(pid)
        while time.perf_counter() - start < SECONDS:
            work()
            calls += share
        mine = time.process_time() - here
        found.append(((cpu_time(pid) - there) / calls * 1e6, mine / calls * 1e6))
    there_all, here_all = zip(*found, strict=True)
    return median(there_all), median(here_all)
