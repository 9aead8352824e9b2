"""Commands sent past the driver's pool keep to what its pool promises."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from brubeck.storage.redis import RedisStorage
from tests.servers.processes import frozen
from tests.servers.redis import RedisServer
from tests.servers.sentinel import redis_watched


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Yield a Redis that may be restarted."""
    server = RedisServer(tmp_path)
    server.run()
    yield server
    server.stop()


def free(storage: RedisStorage) -> list[Any]:
    """Return the connections of a storage that no operation is using."""
    with storage.server.commands() as client:
        found: list[Any] = client._free
    return found


def test_one_after_another_shares_a_connection(server: RedisServer) -> None:
    """Also where the server has closed it meanwhile: that is found out by using it."""
    with closing(RedisStorage(server.url)) as storage:
        assert [storage.hit("a", 60.0) for _ in range(5)] == [1, 2, 3, 4, 5]
        (connection,) = free(storage)
        server.kill()
        server.run()
        assert [storage.hit("a", 60.0) for _ in range(2)] == [1, 2]
        assert free(storage) == [connection]
    assert connection._sock is None


def test_a_reply_that_came_too_late_is_given_to_nobody(server: RedisServer) -> None:
    """Its connection is closed."""
    with closing(RedisStorage(server.url, timeout=0.3)) as storage:
        storage.hit("a", 60.0)
        with frozen(server), pytest.raises(Exception, match="Timeout"):
            storage.hit("a", 60.0)
        assert storage.attempt("b", b"digest", b"plan", lease=1, keep=9).plan == b"plan"


def test_a_process_that_was_forked_leaves_its_parents_connections(server: RedisServer) -> None:
    """It would read replies that are not its own."""
    with closing(RedisStorage(server.url)) as storage:
        storage.hit("a", 60.0)
        (connection,) = free(storage)
        connection.pid += 1
        assert storage.hit("a", 60.0) == 2
        assert connection not in free(storage)
        connection.pid -= 1


def test_as_many_at_once_as_the_pool_says_have_a_connection_each(server: RedisServer) -> None:
    """More than the driver's pool has by itself."""
    count = 120
    hits: list[int] = []
    with closing(RedisStorage(server.url, timeout=20.0, pool=count)) as storage:
        storage.hit("a", 60.0)
        with frozen(server):
            threads = [
                threading.Thread(target=lambda: hits.append(storage.hit("a", 60.0)))
                for _ in range(count)
            ]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join()
    assert sorted(hits) == list(range(2, count + 2))


def test_a_connection_to_a_former_master_is_not_used_again(tmp_path: Path) -> None:
    """As soon as another one has found the new master."""
    with redis_watched(tmp_path) as watched, closing(RedisStorage(watched.url)) as storage:
        storage.hit("a", 60.0)
        (connection,) = free(storage)
        assert connection.is_current()
        first = connection._sock
        connection.connection_pool.master_address = ("127.0.0.1", 1)
        assert not connection.is_current()
        assert storage.hit("a", 60.0) == 2
        assert connection.is_current()
        assert connection._sock is not first
