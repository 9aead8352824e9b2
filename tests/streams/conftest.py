"""Storages of every kind, for what streams promise on all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brubeck.storage import Storage, open_storage
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session", params=("memory", "sqlite", "redis", "mongodb"))
def any_storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    """Yield a storage of each kind; its server is started only when it is asked for."""
    url = f"sqlite:///{tmp_path_factory.mktemp('streams')}/streams.db"
    if request.param == "memory":
        url = "memory://"
    elif request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        url = redis.url
    elif request.param == "mongodb":
        mongo: MongoServer = request.getfixturevalue("mongo_server")
        url = f"mongodb://127.0.0.1:{mongo.port}/streams"
    opened = open_storage(url)
    yield opened
    opened.close()
