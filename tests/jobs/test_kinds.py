"""A queue keeps its promises on every kind of Redis, in a file and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from brubeck.jobs.opening import open_queue
from brubeck.jobs.queue import Delivery, Depth, JobQueue, QueuedJob
from brubeck.storage.ids import new_id
from tests.servers import wait_until
from tests.servers.certificates import PASSWORD, Certificates
from tests.servers.redis import RedisServer, redis_cluster
from tests.servers.sentinel import redis_watched

Kind = Callable[[Path], AbstractContextManager[str]]


@contextmanager
def alone(directory: Path) -> Iterator[str]:
    """Run one server."""
    server = RedisServer(directory)
    server.run()
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def at_a_socket(directory: Path) -> Iterator[str]:
    """Run one server, reached by a Unix socket."""
    path = directory / "redis.sock"
    server = RedisServer(directory, "--unixsocket", str(path))
    server.run()
    try:
        yield f"unix://{path}"
    finally:
        server.stop()


@contextmanager
def over_tls(directory: Path) -> Iterator[str]:
    """Run one server that speaks TLS, with certificates of both sides."""
    certificates = Certificates(directory)
    server = RedisServer(directory, tls=certificates)
    server.run()
    try:
        options = f"cafile={certificates.cafile}&certfile={certificates.certfile}"
        options += f"&keyfile={certificates.keyfile}&keyfile_password={PASSWORD}"
        yield f"{server.url}?{options}"
    finally:
        server.stop()


@contextmanager
def watched(directory: Path) -> Iterator[str]:
    """Run a service that Sentinels watch."""
    with redis_watched(directory) as servers:
        yield servers.url


@contextmanager
def clustered(directory: Path) -> Iterator[str]:
    """Run a cluster."""
    with redis_cluster(directory) as masters:
        yield f"redis+cluster://127.0.0.1:{masters[0].port}"


@contextmanager
def in_a_file(directory: Path) -> Iterator[str]:
    """Use a file of SQLite."""
    yield f"sqlite:///{directory / 'jobs.db'}"


@contextmanager
def in_memory(_directory: Path) -> Iterator[str]:
    """Use the memory of this process."""
    yield "memory://"


KINDS = (alone, at_a_socket, over_tls, watched, clustered, in_a_file, in_memory)


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_does_everything(kind: Kind, tmp_path: Path) -> None:
    """Each of its steps, once."""
    with kind(tmp_path) as url, closing(open_queue(url)) as queue:
        assert queue.check().grade != "wrong"
        sent = [queue.send(QueuedJob(path=f"/{n}", id=new_id()), f"key {n}") for n in range(4)]
        assert queue.send(QueuedJob(path="/0", id=new_id()), "key 0") == sent[0]
        done, later, dead, taken = queue.take("one", 4, 1)
        queue.renew("one", 30, [done, later, dead, taken])
        queue.done([done])
        assert queue.later("one", later, 0.01)
        assert queue.archive("one", dead, "why", "where")
        wait_until(lambda: queue.wake() is None)
        claimed: list[Delivery] = []

        def claims(queue: JobQueue = queue) -> bool:
            claimed.extend(queue.claim("two", 0.001, 5, [])[0])
            return bool(claimed)

        wait_until(claims)
        assert [each.entry for each in claimed] == [taken.entry]
        assert queue.depth() == Depth(waiting=1, in_hand=1, later=0, dead=1)
        (letter,) = queue.dead()
        assert queue.dead_letter(letter.letter) == letter
        assert queue.revive(letter)
        queue.done(claimed)
        queue.leave("two")
        assert queue.depth() == Depth(waiting=2, in_hand=0, later=0, dead=0)
