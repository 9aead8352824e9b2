"""A page of 25 over HTTP from each storage, beside what others build on the same database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.side_by_side import Contestant, compare, table
from tests.servers.mongo import mongo_set, set_url
from tests.servers.redis import RedisServer

OURS = "Brubeck"
OTHER_PAGES = Path(__file__).with_name("other_pages.lua")
OTHER_PAGE = "/quakes?before=1517700000000~zz"
EVE_PAGES = Path(__file__).with_name("eve_pages.lua")
EVE_PAGE = "/quakes?where=%7B%22created_at%22:%7B%22$lt%22:1517700000000%7D%7D"
_SERVER = "benchmarks.servers.brubeck_stored"
DRF = "Django REST framework, CursorPagination"
CORE = "FastAPI, SQLAlchemy Core"
EVE = "Eve, gunicorn with threads"
REDIS = "FastAPI, redis.asyncio"
MONGO = "FastAPI, PyMongo async"
TARGETS = {DRF: 10.0, CORE: 3.0, EVE: 10.0, REDIS: 3.0, MONGO: 2.0}
"""How many times as many pages a second as each of the peers have to be reached."""


def _tables(
    database: str,
    url: str,
    peers: Sequence[Contestant],
    check: Callable[[str], None],
    storage: int | None = None,
) -> list[str]:
    """Return the tables of the first page and of another page each time."""
    contestants = [Contestant(OURS, _SERVER, (url,)), *peers]
    first = compare(contestants, "/quakes", check=check, storage=storage)
    found = [table(f"A page of 25 from {database}, over HTTP", first, TARGETS)]
    # Django REST framework has cursors of its own.
    able = [each for each in contestants if each.name != DRF]
    other = compare(
        able,
        "/quakes",
        check=check,
        script=str(OTHER_PAGES),
        sample=OTHER_PAGE,
        storage=storage,
    )
    found.append(table(f"The same from {database}, another page each time", other, TARGETS))
    return found


def _two_workers(url: str, peer: Contestant, check: Callable[[str], None], storage: int) -> str:
    """Return the table of another page each time from two workers beside two workers."""
    contestants = [
        Contestant(OURS, _SERVER, (url, "workers=2")),
        Contestant(peer.name, peer.module, (*peer.arguments, "workers=2")),
    ]
    figures = compare(
        contestants,
        "/quakes",
        check=check,
        script=str(OTHER_PAGES),
        sample=OTHER_PAGE,
        storage=storage,
    )
    return table("The same from Redis, two workers beside two workers", figures, {REDIS: 3.0})


def tables(check: Callable[[str], None]) -> str:
    """Return the tables of all three."""
    found = []
    with TemporaryDirectory() as directory:
        server = RedisServer(Path(directory))
        server.run()
        try:
            peer = Contestant(REDIS, "benchmarks.servers.fastapi_redis", (server.url,))
            found += _tables("Redis", server.url, [peer], check, server.pid)
            found.append(_two_workers(server.url, peer, check, server.pid))
        finally:
            server.stop()
    with TemporaryDirectory() as directory, mongo_set(Path(directory)) as members:
        url = set_url(members)
        mongo_peers = [
            Contestant(MONGO, "benchmarks.servers.fastapi_mongo", (url,)),
            Contestant(EVE, "benchmarks.servers.eve_mongo", (url,), str(EVE_PAGES), EVE_PAGE),
        ]
        found += _tables("MongoDB", url, mongo_peers, check, members[0].pid)
    with TemporaryDirectory() as directory:
        peers = [
            Contestant(CORE, "benchmarks.servers.fastapi_sqlite", (f"sqlite:///{directory}/c.db",)),
            Contestant(DRF, "benchmarks.servers.drf_sqlite"),
        ]
        found += _tables("SQLite", f"sqlite:///{directory}/ours.db", peers, check)
    return "\n".join(found)
