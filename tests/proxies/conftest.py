"""The program, and each of the proxies before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.proxies.fronts import Front, mongrel2_listen
from tests.proxies.origins import Origin, running_origin
from tests.servers import wait_until


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """Run the program for all tests of a file."""
    with running_origin(tmp_path_factory.mktemp("origin")) as found:
        yield found


@pytest.fixture(scope="module")
def front(
    request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """Run the proxy that a test names before the program, or before one that speaks ZeroMQ."""
    directory = tmp_path_factory.mktemp("front")
    made = Front(request.param, directory, origin.port)
    made.run()
    with ExitStack() as stack:
        stack.callback(made.stop)
        if request.param == "mongrel2":
            listen, bodies = mongrel2_listen(directory), str(directory)
            behind = running_origin(directory, listen, server_upload_dir=bodies)
            made.origin = stack.enter_context(behind)
            wait_until(made.passes)
        else:
            made.origin = origin
        yield made
