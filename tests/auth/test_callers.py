"""Callers, and accounts as they become one."""

from __future__ import annotations

import pytest

from brubeck.auth import Account, BadCredentials, Caller
from tests.auth.world import SECRET, World


def test_a_caller_does_not_change() -> None:
    """It may be kept as long as its request."""
    with pytest.raises(AttributeError):
        Caller("7").id = "8"  # type: ignore[misc]  # that is the point


def test_an_account_that_is_not_active_is_no_caller() -> None:
    """Whatever its credentials."""
    with pytest.raises(BadCredentials):
        Account("7", active=False).caller("token:x")


def test_a_secret_is_in_no_text_of_its_key(world: World) -> None:
    """Logs show what is printed."""
    assert SECRET.decode() not in repr(world.keys)
