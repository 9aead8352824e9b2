"""Storages of every kind; whatever stands on them has to answer alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from brubeck.storage import Storage, open_storage
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

KINDS = ("memory", "sqlite", "redis", "mongodb")


@pytest.fixture(scope="session", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of a storage of each kind."""
    return url_of(request, request.param, tmp_path_factory.mktemp("querysets"))


def url_of(request: pytest.FixtureRequest, kind: str, directory: Path) -> str:
    """Return the URL of a storage of a kind; its server is started only when it is asked for."""
    if kind == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        return redis.url
    if kind == "mongodb":
        mongo: MongoServer = request.getfixturevalue("mongo_server")
        return f"mongodb://127.0.0.1:{mongo.port}/querysets"
    return "memory://" if kind == "memory" else f"sqlite:///{directory}/querysets.db"


@pytest.fixture(scope="session")
def storage(url: str) -> Iterator[Storage]:
    """Yield a storage of each kind, for names of one's own."""
    opened = open_storage(url)
    yield opened
    opened.close()


@pytest.fixture
def name() -> str:
    """Return a name that no other test has."""
    return f"q{uuid4().hex[:12]}"
