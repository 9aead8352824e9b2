"""Servers that storages are tested with, one of each for all the tests of a process."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

from brubeck import green
from brubeck.storage import Storage, open_storage
from tests import soak
from tests.servers.mongo import MongoServer, mongo_alone, mongo_set
from tests.servers.redis import RedisServer, redis_cluster


def pytest_collection_finish() -> None:
    """Keep the modules and tests that are loaded by now from the collector of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_stranger() -> None:
    """Take from the environment what says how long the tests are: to a program it is a mistake."""
    os.environ.pop(soak.NAME, None)


@pytest.fixture(autouse=True)
def _unpatched() -> Iterator[None]:
    """Let no test patch the process: whatever comes after it would wait in a hub."""
    before = green.engine().name
    yield
    assert green.engine().name == before, "this test has patched the process"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield a Redis that is emptied by whoever uses it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.run()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_masters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    """Yield the masters of a cluster."""
    with redis_cluster(tmp_path_factory.mktemp("cluster")) as masters:
        yield masters


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """Yield a standalone MongoDB."""
    with mongo_alone(tmp_path_factory.mktemp("mongo")) as server:
        yield server


@pytest.fixture(scope="session")
def mongo_members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[MongoServer]]:
    """Yield the members of a replica set."""
    with mongo_set(tmp_path_factory.mktemp("mongo")) as members:
        yield members


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
