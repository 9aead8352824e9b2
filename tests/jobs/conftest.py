"""A Redis for jobs, and workers in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.jobs import JobStream
from brubeck.jobs.worker import JobsConnection
from tests.jobs.program import Additions, Jobs
from tests.servers.redis import RedisServer

MakeApp = Callable[..., Brubeck]


@pytest.fixture
def emptied(redis_server: RedisServer) -> str:
    """Return the URL of a Redis that holds nothing."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def make_app(emptied: str) -> Iterator[MakeApp]:
    """Return what makes the program of these tests, over a Redis that holds nothing."""
    made: list[Brubeck] = []

    def make(*streams: type[JobStream], storage: Any = None, **settings: object) -> Brubeck:
        routes = [(r"^/additions$", Additions)]
        app = Brubeck(handler_tuples=routes, streams=streams or [Jobs], storage=storage or emptied)
        app.configure(jobs={"queue": emptied, "lease": 0.5, "backoff": 0.05, **settings})
        made.append(app)
        return app

    yield make
    for app in made:
        app.close()


@contextmanager
def working(app: Brubeck) -> Iterator[JobsConnection]:
    """Have the jobs of a program done by a worker in this process."""
    worker = app.jobs.connection()
    thread = Thread(target=worker.serve, args=(app.jobs.perform,), daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()
