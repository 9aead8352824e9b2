"""A program of its own, on green threads: how long a look at many streams leaves others no turn."""

from __future__ import annotations

import gc
import json
import sqlite3
from tempfile import TemporaryDirectory
from typing import Final

from brubeck import green

green.patch("eventlet")

from brubeck.storage.sqlite import SQLiteStorage  # noqa: E402, it is patched first
from tests.neighbours import longest_hold, neighbour  # noqa: E402, after the patch

STREAMS: Final = 50_000


def measure() -> dict[str, float]:
    """Return the longest hold (seconds of CPU time) of each look."""
    with TemporaryDirectory() as folder:
        file = SQLiteStorage(f"{folder}/streams.db")
        file.database.write(_begin_many)
        gc.collect()
        gc.freeze()  # what is there by now is not gone through by each collection
        with neighbour() as turns:
            assert len(file.heads("rooms:")) == STREAMS
            return {
                "heads": longest_hold(turns, file.heads),
                "streams": longest_hold(turns, file.streams),
                "another prefix": longest_hold(turns, lambda: file.heads("quakes:")),
            }


def _begin_many(db: sqlite3.Connection) -> None:
    rows = ((f"rooms:{number}",) for number in range(STREAMS))
    db.executemany("INSERT INTO streams VALUES (NULL, ?, 1, 0, 0, 0, '')", rows)


if __name__ == "__main__":
    print(json.dumps(measure()))
