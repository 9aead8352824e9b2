"""``sqlite://`` keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from brubeck.storage import Storage
from brubeck.storage.conformance import StorageConformance
from brubeck.storage.conformance.base import HISTORIES
from brubeck.storage.sqlite import SQLiteStorage
from brubeck.timekeeping import Clock


class TestSQLite(StorageConformance):
    """Every promise, in a file, where a history costs little."""

    histories = settings(StorageConformance.histories, max_examples=3 * HISTORIES)

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path
        self.made = 0

    def make_storage(self, clock: Clock) -> Storage:
        """Return a storage in a new file."""
        self.made += 1
        return self.another(None, clock)

    def another(self, storage: Storage | None, clock: Clock) -> Storage:
        """Return the file that was made last, opened again."""
        return SQLiteStorage(str(self.directory / f"{self.made}.db"), clock=clock)
