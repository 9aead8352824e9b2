"""Writing: earthquakes posted one by one, and a thousand at a time, beside FastAPI with pydantic.

Both validate each document, give it an id and the times, keep it in the same database and answer
with what was kept. The peer keeps no order of changes, index or token.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.side_by_side import Contestant, compare
from benchmarks.side_by_side import table as made_table
from examples.earthquakes.week import quakes
from tests.servers.mongo import mongo_set, set_url
from tests.servers.redis import RedisServer

SCRIPT = Path(__file__).with_name("post.lua")
OURS = "Brubeck"
PEERS: Final = {
    "memory": "FastAPI, pydantic, a list",
    "Redis": "FastAPI, pydantic, a pipeline of redis.asyncio",
    "MongoDB": "FastAPI, pydantic, PyMongo async",
    "SQLite": "FastAPI, pydantic, SQLAlchemy Core",
}
TARGETS: Final = {
    ("memory", 1): 2.0,
    ("memory", 1000): 2.0,
    ("Redis", 1): 2.0,
    ("Redis", 1000): 2.0,
    ("MongoDB", 1): 0.7,
    ("MongoDB", 1000): 1.0,
    ("SQLite", 1000): 2.0,
}
"""The ratios that are to be reached, by store and documents a request."""
ROUNDS = 5


def body(count: int) -> bytes:
    """Return so many new earthquakes as a request has them: an object, or a list."""
    kept = {"id", "created_at", "updated_at"}
    found = list(islice(cycle(quakes()), count))
    new = [{key: value for key, value in each.items() if key not in kept} for each in found]
    return msgspec.json.encode(new[0] if count == 1 else new)


def table() -> str:
    """Return the tables of one and of a thousand documents a request, on each storage."""
    return "\n".join(_of(database) for database in PEERS)


def _of(database: str) -> str:
    tables = []
    with TemporaryDirectory() as folder, _urls(database, Path(folder)) as (ours, theirs, storage):
        path = Path(folder) / "quakes.json"
        os.environ["QUAKES"] = str(path)
        for count, connections in ((1, 32), (1000, 4)):
            path.write_bytes(body(count))
            kind = ("many",) if count > 1 else ()
            contestants = [
                Contestant(OURS, "benchmarks.servers.brubeck_posts", (ours,)),
                Contestant(PEERS[database], "benchmarks.servers.fastapi_posts", (theirs, *kind)),
            ]
            figures = compare(
                contestants,
                "/quakes",
                script=str(SCRIPT),
                connections=connections,
                rounds=ROUNDS,
                storage=storage,
            )
            title = f"POST of {count:,} document{'s' if count > 1 else ''} a request, {database}"
            target = TARGETS.get((database, count))
            targets = {} if target is None else {PEERS[database]: target}
            tables.append(made_table(title, figures, targets))
    return "\n".join(tables)


@contextmanager
def _urls(database: str, folder: Path) -> Iterator[tuple[str, str, int | None]]:
    """Yield the URLs of our store and of the peer's, and the process of the server of both."""
    if database == "memory":
        yield "memory://", "memory://", None
    elif database == "SQLite":
        yield f"sqlite:///{folder}/ours.db", f"sqlite:///{folder}/theirs.db", None
    elif database == "Redis":
        server = RedisServer(folder)
        server.run()
        try:
            yield server.url, server.url, server.pid
        finally:
            server.stop()
    else:
        with mongo_set(folder) as members:
            yield set_url(members), set_url(members), members[0].pid
