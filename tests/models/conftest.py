"""Accounts in a storage of every kind; all of them have to answer alike."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from brubeck.models import StoredAccounts
from brubeck.storage import Storage, open_storage
from brubeck.timekeeping import HeldClock
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

NOW = 1_500_000_000_000
KINDS = ("memory", "sqlite", "redis", "mongodb")


@pytest.fixture(scope="session", params=KINDS)
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    """Yield a storage of each kind; its server is started only when it is asked for."""
    url = f"sqlite:///{tmp_path_factory.mktemp('accounts')}/accounts.db"
    if request.param == "memory":
        url = "memory://"
    elif request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        url = redis.url
    elif request.param == "mongodb":
        mongo: MongoServer = request.getfixturevalue("mongo_server")
        url = f"mongodb://127.0.0.1:{mongo.port}/accounts"
    opened = open_storage(url)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> HeldClock:
    """Return a clock that stands still."""
    return HeldClock(NOW * 1000)


@pytest.fixture
def accounts(storage: Storage, clock: HeldClock) -> StoredAccounts:
    """Return the accounts of each kind of storage; all tests share them."""
    return StoredAccounts(storage, clock=clock)


@pytest.fixture
def name() -> str:
    """Return a name that no other test has."""
    return f"dave-{uuid4().hex[:12]}"
