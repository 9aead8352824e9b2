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


def forget_departures(db: sqlite3.Connection, stream: int, until: int) -> int:
    """Delete some more of the departures up to a position; return how many.

    The horizon of each of their viewers is raised.
    """
    some = db.execute(
        "SELECT viewer, id, position FROM sight WHERE stream = ? AND gone AND position <= ?"
        " AND position <= (SELECT horizon FROM streams WHERE stream = ?)"
        " ORDER BY position LIMIT ?",
        (stream, until, stream, ROWS_AT_ONCE),
    ).fetchall()
    db.executemany(
        "INSERT INTO horizons VALUES (?, CAST(? AS TEXT), ?)"
        " ON CONFLICT DO UPDATE SET position = max(position, excluded.position)",
        [(stream, viewer, position) for viewer, _, position in some],
    )
    db.executemany(
        "DELETE FROM sight WHERE stream = ? AND viewer = CAST(? AS TEXT) AND id = CAST(? AS TEXT)",
        [(stream, viewer, item_id) for viewer, item_id, _ in some],
    )
    return len(some)


def forget_horizons(db: sqlite3.Connection, stream: int, now: int) -> int:
    """Delete some more of the horizons that no cursor is behind any more; return how many."""
    return db.execute(
        "DELETE FROM horizons WHERE stream = ? AND viewer IN"
        " (SELECT viewer FROM horizons WHERE stream = ? AND position < ? LIMIT ?)",
        (stream, stream, now - KEPT, ROWS_AT_ONCE),
    ).rowcount


def raise_floor(db: sqlite3.Connection, stream: int, now: int) -> None:
    """Let no later write be given a position that the clock has passed."""
    floor = next_floor(read_row(db, stream).head, now)
    db.execute("UPDATE streams SET floor = ? WHERE stream = ?", (floor, stream))
