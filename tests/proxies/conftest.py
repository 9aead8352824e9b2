"""The program, and each of the proxies before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxies.fronts import Front
from tests.proxies.origins import Origin, running_origin


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """Run the program for all tests of a file."""
    with running_origin(tmp_path_factory.mktemp("origin")) as found:
        yield found


@pytest.fixture(scope="module")
def front(
    request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """Run the proxy that a test names before the program."""
    directory = tmp_path_factory.mktemp(request.param)
    made = Front(request.param, directory, origin.port)
    made.run()
    yield made
    made.stop()
