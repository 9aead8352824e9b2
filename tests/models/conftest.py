"""Accounts in a storage of every kind; all of them have to answer alike."""

from __future__ import annotations

from uuid import uuid4

import pytest

from brubeck.models import StoredAccounts
from brubeck.storage import Storage
from brubeck.timekeeping import HeldClock

NOW = 1_500_000_000_000
KINDS = ("memory", "sqlite", "redis", "mongodb")


@pytest.fixture
def clock() -> HeldClock:
    """Return a clock that stands still."""
    return HeldClock(NOW * 1000)


@pytest.fixture
def accounts(any_storage: Storage, clock: HeldClock) -> StoredAccounts:
    """Return the accounts of each kind of storage; all tests share them."""
    return StoredAccounts(any_storage, clock=clock)


@pytest.fixture
def name() -> str:
    """Return a name that no other test has."""
    return f"dave-{uuid4().hex[:12]}"
