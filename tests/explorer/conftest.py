"""A browser, and the earthquakes, for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.servers.browser import running_chromium
from tests.servers.programs import brubeck_run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser for all tests of a file."""
    with running_chromium() as found:
        yield found


@pytest.fixture(scope="module")
def week() -> Iterator[int]:
    """Serve the week of earthquakes, and yield its port."""
    with brubeck_run("tests.explorer.week:app") as program:
        yield program.port
