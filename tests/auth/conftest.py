"""What the tests of schemes share."""

from __future__ import annotations

import pytest

from tests.auth.world import World


@pytest.fixture
def world() -> World:
    """Return a world of one's own."""
    return World()
