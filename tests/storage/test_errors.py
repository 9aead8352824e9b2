"""Every error of a driver is translated at its seam, and no error of the seam's user is."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import ModuleType
from typing import Any

import bson.errors
import pymongo.errors
import pytest
import redis.cluster
import redis.exceptions
import redis.sentinel

from brubeck.jobs.queue import QueueUnavailable
from brubeck.jobs.redis_queue import RedisQueue
from brubeck.storage import RecordSchema, StorageError, Unavailable
from brubeck.storage.mongo.client import DatabaseClient
from brubeck.storage.redis import RedisStorage
from brubeck.storage.redis.client import RedisClient
from brubeck.storage.sqlite import SQLiteStorage
from tests.servers import free_port

_ARGUMENTS: tuple[tuple[Any, ...], ...] = (
    ("boom",),
    ("12182 127.0.0.1:7001",),
    ({},),
    ({}, False),
    (ValueError("boom"),),
    (ValueError("boom"), {}),
)


def _errors(*modules: ModuleType) -> Iterator[Exception]:
    """Yield an error of each class that a driver's modules define."""
    for module in modules:
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, Exception) and found.__module__.partition(".")[0] in (
                *("redis", "pymongo", "bson", "sqlite3"),
            ):
                yield _made(found)


def _made(found: type[Exception]) -> Exception:
    for arguments in _ARGUMENTS:
        try:
            error = found(*arguments)
            str(error)
        except Exception:  # noqa: BLE001, this class takes something else
            continue
        return error
    raise AssertionError(f"{found} takes none of these arguments")


REDIS = list(_errors(redis.exceptions, redis.cluster, redis.sentinel))
MONGO = list(_errors(pymongo.errors, bson.errors))
SQLITE = [sqlite3.OperationalError("boom"), sqlite3.IntegrityError("boom"), sqlite3.Error("boom")]


def _name(error: Exception) -> str:
    return type(error).__name__


def _raises(seam: AbstractContextManager[object], error: Exception) -> None:
    with seam:
        raise error


def _redis_client() -> RedisClient:
    return RedisClient(f"redis://127.0.0.1:{free_port()}/0", timeout=1, pool=1)


@pytest.fixture
def mongo_client(mongo_server: Any) -> Iterator[DatabaseClient]:
    """Yield the way to a MongoDB."""
    with closing(
        DatabaseClient(f"mongodb://127.0.0.1:{mongo_server.port}/x", timeout=5, pool=1)
    ) as server:
        yield server


@pytest.mark.parametrize("error", REDIS, ids=_name)
def test_every_error_of_redis_py_is_translated(error: Exception) -> None:
    """Those of a cluster derive from no error of the driver's."""
    with closing(_redis_client()) as server, pytest.raises(Unavailable) as caught:
        _raises(server.commands(), error)
    assert caught.value.__cause__ is error
    with (
        closing(RedisQueue(f"redis://127.0.0.1:{free_port()}/0")) as queue,
        pytest.raises(QueueUnavailable),
    ):
        _raises(queue._commands(), error)


@pytest.mark.parametrize("error", MONGO, ids=_name)
def test_every_error_of_pymongo_is_translated(
    error: Exception, mongo_client: DatabaseClient
) -> None:
    """Those of BSON, too."""
    with pytest.raises(Unavailable) as caught:
        _raises(mongo_client.database(), error)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", SQLITE, ids=_name)
def test_every_error_of_sqlite_is_translated(error: Exception, tmp_path: Path) -> None:
    """What the standard library's module raises."""
    with (
        closing(SQLiteStorage(str(tmp_path / "a.db"))) as storage,
        pytest.raises(Unavailable) as caught,
    ):
        _raises(storage.database.reading(), error)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [OSError(), ValueError(), KeyError(), StorageError()], ids=_name)
def test_an_error_of_the_seams_user_passes(
    error: Exception, mongo_client: DatabaseClient, tmp_path: Path
) -> None:
    """A file that is not there is no storage that is down."""
    with (
        closing(_redis_client()) as server,
        closing(SQLiteStorage(str(tmp_path / "a.db"))) as storage,
        closing(RedisQueue(f"redis://127.0.0.1:{free_port()}/0")) as queue,
    ):
        for seam in (
            *(server.commands(), mongo_client.database(), mongo_client.reading()),
            *(storage.database.reading(), storage.database.snapshot(), queue._commands()),
        ):
            with pytest.raises(type(error)) as caught:
                _raises(seam, error)
            assert caught.value is error


@pytest.mark.parametrize("url", ["redis://", "rediss://", "redis+sentinel://", "redis+cluster://"])
def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    """However it is reached: the sweeper and the notifier go on, and a request is a 503."""
    service = "/quakes/0" if "sentinel" in url else ""
    with (
        closing(RedisStorage(f"{url}127.0.0.1:{free_port()}{service}", timeout=0.5)) as storage,
        pytest.raises(Unavailable),
    ):
        storage.records("quakes", RecordSchema()).head()
