"""The rows of pages and of changes: the statements that a stream in SQLite is read by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Final, cast

from brubeck.storage.records import PageQuery, Record, Tombstone
from brubeck.storage.sizes import STEP_BYTES
from brubeck.storage.timeline import key_range

_TOGETHER: Final = 32
"""How many rows are fetched before their size is looked at."""

ItemRow = tuple[bytes, int, int, bytes, int]
"""The row of a live item: id, created_at, position, body, version."""
ChangeRow = tuple[bytes, int, int, bytes | None, int, bytes, int]
"""id, created_at, position, body, version, past, and whether it left the viewer's sight there."""
ITEM_COLUMNS: Final = "id, created_at, position, body, version"
"""The columns of an item's row."""
BETWEEN: Final = "(created_at, id) >= (?, ?) AND (created_at, id) < (?, ?)"
"""The condition that a row's key lies within two bounds."""


def entry(row: tuple[bytes, int, int, bytes | None, int]) -> Record | Tombstone:
    """Return the item or the tombstone of a row."""
    if row[3] is None:
        return Tombstone(row[0].decode(), row[2])
    return record_of(cast("ItemRow", row))


def record_of(row: ItemRow) -> Record:
    """Return the item of a row."""
    return Record(row[0].decode(), row[1], row[2], row[3], row[4])


def bounds(query: PageQuery) -> tuple[int, str, int, str]:
    """Return the first key of a page and the first beyond it, as parameters of `BETWEEN`."""
    low, high = key_range(query)
    return (*low, *high)


def direction(query: PageQuery) -> str:
    """Return the ORDER BY of a page."""
    return "created_at DESC, id DESC" if query.descending else "created_at, id"


def timeline_rows(
    db: sqlite3.Connection, stream: int, query: PageQuery, most: int
) -> sqlite3.Cursor:
    """Return the rows of a page along the timeline, at ``most`` so many."""
    return db.execute(
        f"SELECT {ITEM_COLUMNS} FROM items WHERE stream = ? AND body IS NOT NULL"  # noqa: S608, no value is in it
        f" AND {BETWEEN} ORDER BY {direction(query)} LIMIT ?",
        (stream, *bounds(query), most),
    )


def rows_within_bounds(rows: sqlite3.Cursor) -> list[ItemRow]:
    """Return the rows of a step, and perhaps some more; not many of them when they are large."""
    found: list[ItemRow] = []
    while some := rows.fetchmany(_TOGETHER):
        found += some
        if len(some) < _TOGETHER or sum([len(row[3]) for row in found]) >= STEP_BYTES:
            break
    return found


def facet_rows(
    db: sqlite3.Connection, stream: int, field: str, value: object, query: PageQuery, most: int
) -> Iterator[ItemRow]:
    """Return the rows with one value of a field, in a query's direction."""
    facets = (
        f"SELECT created_at, id FROM facets WHERE stream = ? AND field = ? AND value = ?"  # noqa: S608, no value is in it
        f" AND {BETWEEN} ORDER BY {direction(query)} LIMIT ?"
    )
    return iter(
        db.execute(
            f"SELECT i.id, i.created_at, i.position, i.body, i.version FROM ({facets}) AS f"  # noqa: S608, no value is in it
            " CROSS JOIN items AS i ON i.stream = ? AND i.id = f.id",
            (stream, field, value, *bounds(query), most, stream),
        )
    )


def merged_rows(orders: list[Iterator[ItemRow]], *, descending: bool) -> Iterator[ItemRow]:
    """Yield rows of several orders as one; a row that stands in more than one comes once."""

    def key(row: ItemRow) -> tuple[int, bytes]:
        return row[1], row[0]

    last: tuple[int, bytes] | None = None
    for row in merge(*orders, key=key, reverse=descending) if len(orders) > 1 else orders[0]:
        if key(row) != last:
            last = key(row)
            yield row


def concerning(
    db: sqlite3.Connection, stream: int, viewer: str | None, after: int, most: int
) -> Iterable[ChangeRow]:
    """Return the first changes after a position that are a viewer's business, or anybody's."""
    if viewer is None:
        return db.execute(
            "SELECT id, created_at, position, body, version, past, 0 FROM items"
            " WHERE stream = ? AND position > ? ORDER BY position LIMIT ?",
            (stream, after, most),
        )
    return db.execute(
        "SELECT s.id, i.created_at, s.position, i.body, i.version, i.past,"
        " i.position IS NOT s.position OR (s.gone AND i.body IS NOT NULL)"
        " FROM (SELECT id, position, gone FROM sight WHERE stream = ? AND viewer = ?"
        " AND position > ? ORDER BY position LIMIT ?) AS s"
        " LEFT JOIN items AS i ON i.stream = ? AND i.id = s.id ORDER BY s.position",
        (stream, viewer, after, most, stream),
    )
