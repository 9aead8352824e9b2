"""Purging of departures and tombstones, a piece at a time, as far as the horizon allows."""

from __future__ import annotations

import sqlite3
from typing import Final

from brubeck.storage.change_cursor import KEPT, next_floor
from brubeck.storage.sqlite.streams import read_row

ROWS_AT_ONCE: Final = 500


def raise_horizon(db: sqlite3.Connection, stream: int, until: int) -> None:
    """Say that changes up to a position are not all known any more."""
    db.execute(
        "UPDATE streams SET horizon = max(horizon, min(position, ?)) WHERE stream = ?",
        (until, stream),
    )


def forget(db: sqlite3.Connection, stream: int, until: int) -> int:
    """Forget some more of the tombstones up to a position, and return how many."""
    return db.execute(
        "DELETE FROM items WHERE number IN (SELECT number FROM items"
        " WHERE stream = ? AND body IS NULL AND position <= ?"
        " AND position <= (SELECT horizon FROM streams WHERE stream = ?)"
        " ORDER BY position LIMIT ?)",
        (stream, until, stream, ROWS_AT_ONCE),
    ).rowcount


def forget_departures(db: sqlite3.Connection, stream: int, until: int, now: int) -> None:
    """Delete departures up to a position, and raise each viewer's horizon."""
    gone = (
        " FROM sight WHERE stream = ? AND gone AND position <= ?"
        " AND position <= (SELECT horizon FROM streams WHERE stream = ?)"
    )
    purged = (stream, until, stream)
    db.execute(
        f"INSERT INTO horizons SELECT stream, viewer, max(position){gone} GROUP BY viewer"
        " ON CONFLICT DO UPDATE SET position = max(position, excluded.position)",
        purged,
    )
    db.execute(f"DELETE{gone}", purged)
    db.execute("DELETE FROM horizons WHERE stream = ? AND position < ?", (stream, now - KEPT))


def raise_floor(db: sqlite3.Connection, stream: int, now: int) -> None:
    """Let no later write be given a position that the clock has passed."""
    floor = next_floor(read_row(db, stream).head, now)
    db.execute("UPDATE streams SET floor = ? WHERE stream = ?", (floor, stream))
