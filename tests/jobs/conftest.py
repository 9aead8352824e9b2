"""A queue of each kind, programs over it, and workers in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest

from brubeck import Brubeck
from brubeck.jobs import JobStream
from brubeck.jobs.queue import JobQueue
from brubeck.jobs.sql_queue import SQLQueue
from brubeck.jobs.worker import JobsConnection
from tests.jobs.program import Additions, Jobs
from tests.servers.redis import RedisServer

MakeApp = Callable[..., Brubeck]
QUEUE = "brubeck-jobs:{jobs}"


class Backend:
    """Where jobs wait, and their states are kept: in SQLite or in memory."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.shared = url != "memory://"

    def put(self, queue: JobQueue, raw: bytes) -> None:
        """Put some bytes into the queue, as if they were a job."""
        tables = cast("SQLQueue", queue)
        tables._tables.write(lambda db: tables._insert(db, raw))

    def silence(self, queue: JobQueue) -> None:
        """Let a long time pass since the workers of the jobs in hand were last heard of."""
        tables = cast("SQLQueue", queue)
        tables._tables.write(
            lambda db: db.execute("UPDATE jobs SET heard = 0 WHERE worker IS NOT NULL")
        )

    def empty(self) -> None:
        """Remove everything."""
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.url.removeprefix('sqlite:///')}{end}").unlink()


class RedisBackend(Backend):
    """In a Redis."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server.url)
        self._server = server

    def put(self, queue: JobQueue, raw: bytes) -> None:
        """Put some bytes into the queue, as if they were a job."""
        del queue
        with self._server.client() as client:
            client.xadd(QUEUE, {"job": raw})

    def silence(self, queue: JobQueue) -> None:
        """Let a long time pass since the workers of the jobs in hand were last heard of."""
        del queue
        with self._server.client() as client:
            for each in client.xpending_range(QUEUE, "workers", "-", "+", 10):
                client.xclaim(QUEUE, "workers", "gone", 0, [each["message_id"]], idle=60_000)

    def empty(self) -> None:
        """Remove everything."""
        with self._server.client() as client:
            client.flushall()


@pytest.fixture
def emptied(redis_server: RedisServer) -> str:
    """Return the URL of a Redis that holds nothing."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


KINDS = ("redis", "sqlite", "memory")
SHARED = pytest.mark.parametrize("backend", ["redis", "sqlite"], indirect=True)
"""Marks a test of several processes, or of several programs over one backend."""


def backend_of(kind: str, request: pytest.FixtureRequest, directory: Path) -> Backend:
    """Return an empty backend of a kind."""
    if kind == "redis":
        backend = RedisBackend(request.getfixturevalue("redis_server"))
        backend.empty()
        return backend
    if kind == "sqlite":
        return Backend(f"sqlite:///{directory / 'jobs.db'}")
    return Backend("memory://")


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Return an empty backend of each kind, or of those of a mark."""
    return backend_of(request.param, request, tmp_path)


@pytest.fixture
def make_app(backend: Backend) -> Iterator[MakeApp]:
    """Return what makes the program of these tests, over a backend that holds nothing."""
    made: list[Brubeck] = []

    def make(
        *streams: type[JobStream], storage: Any = None, clock: Any = None, **settings: object
    ) -> Brubeck:
        routes = [(r"^/additions$", Additions)]
        given = {"clock": clock} if clock is not None else {}
        app = Brubeck(
            handler_tuples=routes,
            streams=streams or [Jobs],
            storage=storage or backend.url,
            **given,
        )
        app.configure(jobs={"queue": backend.url, "lease": 0.5, "backoff": 0.05, **settings})
        made.append(app)
        return app

    yield make
    for app in made:
        app.close()


@contextmanager
def working(app: Brubeck) -> Iterator[JobsConnection]:
    """Have the jobs of a program done by a worker in this process."""
    worker = app.jobs.connection(apart=False)
    thread = Thread(target=worker.serve, args=(app.jobs.perform,), daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()
