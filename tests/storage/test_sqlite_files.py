"""Files of SQLite that others are about to make; in plain threads, where only one of them waits."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from brubeck.storage.sqlite import SQLiteStorage
from brubeck.timekeeping import SYSTEM_CLOCK


def test_a_new_file_that_another_is_about_to_make_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself refuses at once where two change the mode of a new file."""
    path = str(tmp_path / "new.db")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor() as pool:
        streams = pool.submit(SQLiteStorage(path, clock=SYSTEM_CLOCK).streams)
        with pytest.raises(TimeoutError):
            streams.result(timeout=0.2)
        other.execute("ROLLBACK")
        assert streams.result(timeout=10) == []
    other.close()
