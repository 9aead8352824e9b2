"""Writing: earthquakes posted one by one, and a thousand at a time, beside FastAPI with pydantic.

Both validate each document, give it an id and the times, keep it in memory and answer with what was
kept. The peer keeps a list and a dictionary; it has no order of changes, index or token.
"""

from __future__ import annotations

import os
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks.side_by_side import Contestant, compare
from benchmarks.side_by_side import table as made_table
from examples.earthquakes.week import quakes

SCRIPT = Path(__file__).with_name("post.lua")
OURS = Contestant("Brubeck, memory", "benchmarks.servers.brubeck_posts")
PEER = "FastAPI, pydantic, a list"
ROUNDS = 5


def body(count: int) -> bytes:
    """Return so many new earthquakes as a request has them: an object, or a list."""
    kept = {"id", "created_at", "updated_at"}
    found = list(islice(cycle(quakes()), count))
    new = [{key: value for key, value in each.items() if key not in kept} for each in found]
    return msgspec.json.encode(new[0] if count == 1 else new)


def table() -> str:
    """Return the tables of one and of a thousand documents a request."""
    tables = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "quakes.json"
        os.environ["QUAKES"] = str(path)
        for count, connections, target in ((1, 32, 2.0), (1000, 4, 2.0)):
            path.write_bytes(body(count))
            kind = ("many",) if count > 1 else ()
            theirs = Contestant(PEER, "benchmarks.servers.fastapi_posts", kind)
            figures = compare(
                [OURS, theirs],
                "/quakes",
                script=str(SCRIPT),
                connections=connections,
                rounds=ROUNDS,
            )
            title = f"POST of {count:,} document{'s' if count > 1 else ''} a request, memory"
            tables.append(made_table(title, figures, {PEER: target}))
    return "\n".join(tables)
