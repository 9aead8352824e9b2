"""``memory://`` keeps the contract."""

from __future__ import annotations

from brubeck.storage import Storage
from brubeck.storage.conformance import StorageConformance
from brubeck.storage.memory import MemoryStorage
from brubeck.timekeeping import Clock


class TestMemory(StorageConformance):
    """Every promise, in memory."""

    def make_storage(self, clock: Clock) -> Storage:
        """Return a new, empty storage."""
        return MemoryStorage(clock=clock)

    def another(self, storage: Storage, clock: Clock) -> Storage:
        """Return the same: nobody else sees it."""
        return storage
