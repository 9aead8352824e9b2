"""``redis://`` keeps the contract."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.storage import Storage
from brubeck.storage.conformance import StorageConformance
from brubeck.storage.redis import RedisStorage
from brubeck.storage.redis.encoding import sortable
from brubeck.timekeeping import Clock
from tests.servers.redis import RedisServer


class TestRedis(StorageConformance):
    """Every promise, in one server."""

    @pytest.fixture(autouse=True)
    def _server(self, redis_server: RedisServer) -> None:
        self.server = redis_server

    def make_storage(self, clock: Clock) -> Storage:
        """Return a storage in a server that has been emptied."""
        with self.server.client() as client:
            client.flushall()
        return RedisStorage(self.server.url, clock=clock)

    def another(self, storage: Storage, clock: Clock) -> Storage:
        """Return the same server, connected to again."""
        return RedisStorage(self.server.url, clock=clock)


class TestRedisCluster(StorageConformance):
    """Every promise, in a cluster: each stream lives on the server that has its slot."""

    @pytest.fixture(autouse=True)
    def _servers(self, redis_masters: list[RedisServer]) -> None:
        self.servers = redis_masters
        places = ",".join(f"127.0.0.1:{server.port}" for server in redis_masters[:2])
        self.url = f"redis+cluster://{places}"

    def make_storage(self, clock: Clock) -> Storage:
        """Return a storage in a cluster that has been emptied."""
        for server in self.servers:
            with server.client() as client:
                client.flushall()
        return RedisStorage(self.url, clock=clock)

    def another(self, storage: Storage, clock: Clock) -> Storage:
        """Return the same cluster, connected to again."""
        return RedisStorage(self.url, clock=clock)


_numbers = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-3, 3).map(lambda n: (1 << 53) + n),
)


@given(_numbers, _numbers)
def test_sortable_texts_compare_as_their_numbers_do(one: float, other: float) -> None:
    """Integers of 64 bits and doubles among each other, exactly."""
    assert (sortable(one) < sortable(other)) == (one < other)
    assert (sortable(one) == sortable(other)) == (one == other)
