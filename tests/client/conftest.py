"""A server of the program on each storage, and clients with both faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.client.faces import FACES, client
from tests.clients.test_mirrors import send
from tests.servers.programs import Program, brubeck_run

PROGRAM = "tests.client.program:app"


@pytest.fixture(scope="session", params=["memory", "sqlite"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """Yield the running program, whose streams are kept in a storage."""
    url = "memory://"
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('client')}/streams.db"
    with brubeck_run(PROGRAM, storage_default=url) as started:
        yield started


@pytest.fixture(scope="session")
def memory_server() -> Iterator[Program]:
    """Yield the running program, whose streams are kept in memory."""
    with brubeck_run(PROGRAM) as started:
        yield started


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    """Return the name of a face."""
    return str(request.param)


@pytest.fixture
def connect(face: str) -> Iterator[Callable[..., Any]]:
    """Yield a function that returns a client of a URL."""
    with ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(client(face, url, **options))


@pytest.fixture
def notes(server: Program, connect: Callable[..., Any]) -> Any:
    """Return a client of the notes, of which there are none."""
    found = connect(f"http://127.0.0.1:{server.port}/notes")
    ids = [item["id"] for item in found.items(limit=200)]
    for start in range(0, len(ids), 100):
        send(server.port, "DELETE", f"/notes/{','.join(ids[start : start + 100])}")
    return found
