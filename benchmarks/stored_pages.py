"""A page of 25 over HTTP from each storage, beside what others build on the same database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.side_by_side import Contestant, compare, table
from tests.servers.mongo import mongo_set, set_url
from tests.servers.redis import RedisServer

OURS = "Brubeck"
OTHER_PAGES = Path(__file__).with_name("other_pages.lua")
_SERVER = "benchmarks.servers.brubeck_stored"


def _tables(
    database: str, ours: str, peer: Contestant, least: float, check: Callable[[str], None]
) -> str:
    contestants = [Contestant(OURS, _SERVER, (ours,)), peer]
    first = compare(contestants, "/quakes", check=check)
    found = [table(f"A page of 25 from {database}, over HTTP", first, {peer.name: least})]
    if peer.module.endswith(("redis", "mongo")):  # others have cursors of their own
        other = compare(contestants, "/quakes", check=check, script=str(OTHER_PAGES))
        title = f"The same from {database}, another page each time"
        found.append(table(title, other, {peer.name: least}))
    return "\n".join(found)


def tables(check: Callable[[str], None]) -> str:
    """Return the tables of all three."""
    found = []
    with TemporaryDirectory() as directory:
        server = RedisServer(Path(directory))
        server.run()
        try:
            peer = Contestant(
                "FastAPI, redis.asyncio", "benchmarks.servers.fastapi_redis", (server.url,)
            )
            found.append(_tables("Redis", server.url, peer, 3.0, check))
        finally:
            server.stop()
    with TemporaryDirectory() as directory, mongo_set(Path(directory)) as members:
        url = set_url(members)
        peer = Contestant("FastAPI, PyMongo async", "benchmarks.servers.fastapi_mongo", (url,))
        found.append(_tables("MongoDB", url, peer, 2.0, check))
    with TemporaryDirectory() as directory:
        peer = Contestant(
            "Django REST framework, CursorPagination", "benchmarks.servers.drf_sqlite"
        )
        found.append(_tables("SQLite", f"sqlite:///{directory}/ours.db", peer, 10.0, check))
    return "\n".join(found)
