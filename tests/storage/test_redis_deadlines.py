"""An operation on Redis ends within its timeout, whichever servers do not answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from brubeck.storage import FieldInfo, Put, RecordSchema, Unavailable, Written
from brubeck.storage.redis import RedisStorage
from tests.servers.processes import frozen
from tests.servers.redis import RedisServer
from tests.servers.sentinel import Watched, redis_watched

SCHEMA = RecordSchema({"place": FieldInfo("string")})
TIMEOUT = 0.6
SLACK = 0.4
"""Seconds that a busy machine may add; each further timeout would add more."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Yield a master, its replica and three Sentinels."""
    with redis_watched(tmp_path_factory.mktemp("watched")) as servers:
        yield servers


def opened(url: str, timeout: float = TIMEOUT, pool: int = 50) -> closing[RedisStorage]:
    """Return a storage with a timeout."""
    return closing(RedisStorage(url, timeout=timeout, pool=pool))


def write(storage: RedisStorage, stream: str = "notes") -> None:
    """Write one item."""
    number = time.monotonic_ns()
    body = b'{"id":"n%d","place":"here"}' % number
    put = Put(id=f"n{number}", created_at=1, body=body, token=f"t{number}")
    (outcome,) = storage.records(stream, SCHEMA).write([put])
    assert isinstance(outcome, Written)


@contextmanager
def fails_in_time() -> Iterator[None]:
    """Expect `Unavailable`, by the deadline."""
    start = time.monotonic()
    with pytest.raises(Unavailable):
        yield
    assert time.monotonic() - start < TIMEOUT + SLACK


def test_sentinels_that_do_not_answer_cost_one_timeout_together(watched: Watched) -> None:
    """Not one each, and not again for every retry; as soon as they answer, all is well."""
    with opened(watched.url) as storage:
        with frozen(*watched.sentinels):
            for _ in range(2):
                with fails_in_time():
                    write(storage)
        write(storage)


@pytest.mark.parametrize("alive", range(3))
def test_a_sentinel_that_does_not_answer_leaves_time_for_the_others(
    watched: Watched, alive: int
) -> None:
    """Wherever in the list the one stands that does."""
    silent = [each for number, each in enumerate(watched.sentinels) if number != alive]
    with frozen(*silent), opened(watched.url, timeout=2.0) as storage:
        write(storage)


def test_a_master_that_does_not_answer_costs_one_timeout(watched: Watched) -> None:
    """To one who is connected, and to one who has to connect first."""
    with opened(watched.url) as known, opened(watched.url) as new:
        write(known)
        with frozen(watched.master):
            for storage in (known, new):
                with fails_in_time():
                    write(storage)
        with frozen(watched.master, watched.replica, *watched.sentinels), fails_in_time():
            write(known)


def test_a_node_of_a_cluster_that_does_not_answer_leaves_time_for_the_others(
    redis_masters: list[RedisServer],
) -> None:
    """Whichever is named first; and all of them cost one timeout together."""
    places = [f"127.0.0.1:{server.port}" for server in redis_masters]
    for number, server in enumerate(redis_masters):
        turned = ",".join(places[number:] + places[:number])
        with opened(f"redis+cluster://{turned}", timeout=2.0) as storage:
            with frozen(server):
                _write_somewhere(storage)
            write(storage)
    with opened(f"redis+cluster://{turned}") as known, opened(f"redis+cluster://{turned}") as new:
        write(known)
        with frozen(*redis_masters):
            for storage in (known, new):
                with fails_in_time():
                    write(storage)
        write(known)


def _write_somewhere(storage: RedisStorage) -> None:
    """Write to a stream that lies on a node which answers: of twenty, one does."""
    for number in range(20):
        with suppress(Unavailable):
            return write(storage, f"notes{number}")
    raise AssertionError("no node answered")


def test_waiting_for_a_connection_is_a_part_of_the_timeout(redis_server: RedisServer) -> None:
    """Whoever comes later waits no longer for it."""
    with opened(redis_server.url, pool=1) as storage:
        write(storage)
        with frozen(redis_server):
            threads = [threading.Thread(target=_fails, args=(storage,)) for _ in range(4)]
            start = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert time.monotonic() - start < TIMEOUT + SLACK
        write(storage)


def _fails(storage: RedisStorage) -> None:
    with suppress(Unavailable):
        storage.hit("key", 1.0)


class Dripping:
    """A way to a Redis on which its replies come byte by byte."""

    def __init__(self, port: int, pause: float) -> None:
        self._target, self._pause = port, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for work in (self._up, self._down):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), server:
            while data := client.recv(65_536):
                server.sendall(data)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client:
            while data := server.recv(1):
                client.sendall(data)
                self._ended.wait(self._pause)

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._listener.close()


def test_a_reply_that_never_comes_to_its_end_costs_one_timeout(redis_server: RedisServer) -> None:
    """Though no byte of it is late."""
    with closing(Dripping(redis_server.port, TIMEOUT / 3)) as way:
        with opened(f"redis://127.0.0.1:{way.port}/0") as storage, fails_in_time():
            storage.streams()
        with opened(f"redis://127.0.0.1:{way.port}/0") as storage, fails_in_time():
            write(storage)
