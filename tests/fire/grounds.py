"""The servers that are fired at, and the URLs by which programs come to them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from tests.servers.mongo import MongoServer, mongo_alone, mongo_set
from tests.servers.processes import Server
from tests.servers.redis import RedisServer, redis_cluster
from tests.soak import SOAK

SEED: Final = os.environ.get("BRUBECK_SEED") or uuid4().hex[:8]
TIMEOUT: Final = 1.0 if not SOAK else 2.0
"""Seconds that an operation may take: short, so that a pause longer than that is short, too."""


class Ground:
    """A storage under fire: its URL, and the server behind it, if there is one."""

    def __init__(self, url: str, server: Server | None = None, *, loses_eras: bool = False) -> None:
        self.url = url
        self.server = server
        self.loses_eras = loses_eras
        """Whether a new era begins when its server starts again."""

    def through(self, port: int, timeout: float) -> str:
        """Return the URL of the same storage by another port, with a patience of its own."""
        assert self.server is not None
        found = self.url.replace(f":{self.server.port}", f":{port}")
        return found.replace(options(), options(timeout))


def options(timeout: float = TIMEOUT) -> str:
    """Return the options of every URL."""
    return f"timeout={round(timeout * 1000)}ms"


def mongo_url(server: MongoServer, timeout: float = TIMEOUT) -> str:
    """Return the URL of a database of its own in one server, past what its set would say."""
    name = f"f{uuid4().hex[:8]}"
    return f"mongodb://127.0.0.1:{server.port}/{name}?directConnection=true&{options(timeout)}"


@contextmanager
def sqlite_ground(directory: Path, timeout: float = TIMEOUT) -> Iterator[Ground]:
    """Fire at a file."""
    yield Ground(f"sqlite:///{directory / uuid4().hex}.db?{options(timeout)}")


@contextmanager
def redis_ground(directory: Path, hosts: Sequence[str] = ()) -> Iterator[Ground]:
    """Fire at a Redis that keeps what it acknowledges."""
    kept = ("--appendonly", "yes", "--appendfsync", "always")
    server = RedisServer(directory, *kept, hosts=hosts)
    try:
        server.run()
        yield Ground(f"{server.url}?{options()}", server, loses_eras=True)
    finally:
        server.kill()


@contextmanager
def redis_cluster_ground(directory: Path) -> Iterator[Ground]:
    """Fire at a cluster of three masters; a stream lies on one of them."""
    with redis_cluster(directory) as masters:
        places = ",".join(f"127.0.0.1:{server.port}" for server in masters)
        yield Ground(f"redis+cluster://{places}?{options()}")


@contextmanager
def mongo_ground(directory: Path, hosts: Sequence[str] = ()) -> Iterator[Ground]:
    """Fire at a standalone MongoDB."""
    with mongo_alone(directory, hosts=hosts) as server:
        yield Ground(mongo_url(server), server)


@contextmanager
def mongo_set_ground(directory: Path) -> Iterator[Ground]:
    """Fire at a replica set of one."""
    with mongo_set(directory) as (server,):
        yield Ground(mongo_url(server), server)


GROUNDS: Final[dict[str, Callable[[Path], AbstractContextManager[Ground]]]] = {
    "sqlite": sqlite_ground,
    "redis": redis_ground,
    "redis-cluster": redis_cluster_ground,
    "mongo": mongo_ground,
    "mongo-set": mongo_set_ground,
}


def dice(*about: object) -> random.Random:
    """Return random choices that a seed repeats; the seed is printed."""
    print(f"BRUBECK_SEED={SEED}")
    return random.Random(f"{SEED} {about}")
