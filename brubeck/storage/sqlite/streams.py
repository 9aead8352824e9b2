"""The row of a stream: its state, and its set of indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec

from brubeck.storage.errors import Unavailable
from brubeck.storage.history import WriteHistory
from brubeck.storage.indexing import IndexSet, decode_indexes, encode_indexes
from brubeck.storage.records import UNBORN, Head, Scalar
from brubeck.storage.schema import Values

write_past: Final = msgspec.msgpack.Encoder().encode
read_history: Final = msgspec.msgpack.Decoder(WriteHistory).decode

SIGHT: Final = ""
"""The name under which the viewers of an item have their order of the timeline."""

Facet: TypeAlias = tuple[int, str, Scalar, int, str]
"""A value of an item: the stream's number, field, value, ``created_at`` (µs) and id."""
Sight: TypeAlias = tuple[int, str, str, int, bool]
"""A viewer of an item: the stream's number, viewer, id, position, and whether it has left."""

_TOGETHER: Final = 50
"""How many rows one statement inserts."""


class StreamRow(msgspec.Struct, frozen=True):
    """The position, era and horizon of a stream, and the version of its set of indexes."""

    stream: int
    head: Head
    version: int

    def indexes(self, db: sqlite3.Connection) -> IndexSet:
        """Return the set of indexes that the file has now."""
        (text,) = db.execute(
            "SELECT indexes FROM streams WHERE stream = ?", (self.stream,)
        ).fetchone()
        return decode_indexes(text)


def read_row(db: sqlite3.Connection, stream: int) -> StreamRow:
    """Return where a stream stands."""
    row = db.execute(
        "SELECT position, horizon, floor, version, (SELECT value FROM storage WHERE key = 'era')"
        " FROM streams WHERE stream = ?",
        (stream,),
    ).fetchone()
    if row is None:
        raise Unavailable("The file has been replaced meanwhile.")
    position, horizon, floor, version, era = row
    era = era.decode() if position else UNBORN
    return StreamRow(stream, Head(position, era, horizon, floor), version)


_HEADS: Final = (
    "SELECT name, position, horizon, floor, (SELECT value FROM storage WHERE key = 'era')"
    " FROM streams"
)


def read_heads(db: sqlite3.Connection, start: str, count: int) -> dict[str, Head]:
    """Return where the next streams stand that have been written to, in the order of their names.

    ``start`` is the least name.
    """
    return _heads(
        db.execute(
            f"{_HEADS} WHERE position > 0 AND name >= ? ORDER BY name LIMIT ?", (start, count)
        )
    )


def read_heads_of(db: sqlite3.Connection, names: Sequence[str]) -> dict[str, Head]:
    """Return the heads of streams, by name, without those that nobody has written to."""
    some = ", ".join("?" * len(names))
    return _heads(db.execute(f"{_HEADS} WHERE position > 0 AND name IN ({some})", names))


def _heads(rows: Iterable[Any]) -> dict[str, Head]:
    return {
        name.decode(): Head(position, era.decode(), horizon, floor)
        for name, position, horizon, floor, era in rows
    }


def read_horizon(db: sqlite3.Connection, stream: int, viewer: str) -> int:
    """Return the last position at which a change was purged that concerned a viewer, or 0."""
    row = db.execute(
        "SELECT position FROM horizons WHERE stream = ? AND viewer = ?", (stream, viewer)
    ).fetchone()
    return 0 if row is None else int(row[0])


def read_last(db: sqlite3.Connection, stream: int, viewer: str | None) -> int:
    """Return the position of the last change that concerns a viewer, or 0."""
    (last,) = db.execute(
        "SELECT max(position) FROM sight WHERE stream = ? AND viewer = ?", (stream, viewer)
    ).fetchone()
    return last or 0


def open_stream(db: sqlite3.Connection, name: str) -> int:
    """Return a stream's number; it has a row from then on."""
    db.execute(
        "INSERT INTO streams (name, position, horizon, floor, version, indexes)"
        " VALUES (?, 0, 0, 0, 0, '{}')"
        " ON CONFLICT DO NOTHING",
        (name,),
    )
    (stream,) = db.execute("SELECT stream FROM streams WHERE name = ?", (name,)).fetchone()
    return int(stream)


def read_indexes(db: sqlite3.Connection, name: str) -> tuple[IndexSet, int]:
    """Return a stream's set of indexes and its position; of one without a row, empty and 0."""
    row = db.execute("SELECT indexes, position FROM streams WHERE name = ?", (name,)).fetchone()
    return (IndexSet(), 0) if row is None else (decode_indexes(row[0]), row[1])


def keep_indexes(db: sqlite3.Connection, name: str, old: IndexSet, new: IndexSet) -> bool:
    """Store a set of indexes in place of one version of it; False when that is not there."""
    done = db.execute(
        "UPDATE streams SET version = ?, indexes = ? WHERE name = ? AND version = ?",
        (new.version, encode_indexes(new).decode(), name, old.version),
    )
    return done.rowcount == 1


def build_some(
    db: sqlite3.Connection, stream: int, indexes: IndexSet, after: int, count: int
) -> int | None:
    """Index some more of the items that were there before; return where to go on, if anywhere."""
    rows = db.execute(
        "SELECT number, id, created_at, position, body, past FROM items"
        " WHERE stream = ? AND number > ? AND body IS NOT NULL ORDER BY number LIMIT ?",
        (stream, after, count),
    ).fetchall()
    building = set(indexes.building)
    for number, item_id, created_at, position, body, packed in rows:
        values = indexes.schema.extract(body)
        wanted = {name: values[name] for name in building & indexes.equality}
        if building & set(indexes.sight):
            viewers = indexes.schema.viewers(values)
            wanted[SIGHT] = tuple(viewers)
            add_sight(db, [(stream, each, item_id.decode(), position, False) for each in viewers])
            past = read_history(packed)
            if past.former:
                past.admit((), viewers)
                db.execute("UPDATE items SET past = ? WHERE number = ?", (write_past(past), number))
        add_facets(db, facets_of(stream, item_id.decode(), created_at, wanted))
        after = number
    return after if rows else None


def note_progress(db: sqlite3.Connection, stream: int, number: int | None) -> None:
    """Note up to which item's number the indexes are built; None ends the build."""
    key = f"building {stream}"
    if number is None:
        db.execute("DELETE FROM storage WHERE key = ?", (key,))
    else:
        db.execute("INSERT OR REPLACE INTO storage (key, value) VALUES (?, ?)", (key, str(number)))


def read_progress(db: sqlite3.Connection, name: str) -> float | None:
    """Return the part of a stream's items that is indexed, None where no build is noted."""
    row = db.execute(
        "SELECT storage.value, streams.stream FROM streams, storage"
        " WHERE streams.name = ? AND storage.key = 'building ' || streams.stream",
        (name,),
    ).fetchone()
    if row is None:
        return None
    first, last = db.execute(
        "SELECT min(number), max(number) FROM items WHERE stream = ?", (row[1],)
    ).fetchone()
    return 1.0 if first is None else (int(row[0]) - first + 1) / (last - first + 1)


def insert(
    db: sqlite3.Connection,
    table: str,
    row: str,
    rows: Sequence[Sequence[object]],
    *,
    conflict: str = "",
) -> None:
    """Insert rows into a table with its columns, many by one statement.

    ``row`` has the marks of one. While a statement is executed other threads may take the
    interpreter, and keep it for 5 ms: so many small statements would take long on a busy server.
    """
    for first in range(0, len(rows), _TOGETHER):
        some = rows[first : first + _TOGETHER]
        db.execute(
            f"INSERT INTO {table} VALUES {','.join([row] * len(some))} {conflict}",  # noqa: S608, no value is in it
            list(chain.from_iterable(some)),
        )


def add_sight(db: sqlite3.Connection, rows: Sequence[Sight]) -> None:
    """Let changes of items concern their viewers: an item is in their sight, or has left it."""
    conflict = "ON CONFLICT DO UPDATE SET position = excluded.position, gone = excluded.gone"
    columns = "sight (stream, viewer, id, position, gone)"
    insert(db, columns, "(?, ?, ?, ?, ?)", rows, conflict=conflict)


def add_facets(db: sqlite3.Connection, rows: Sequence[Facet]) -> None:
    """Put items into the order of each of their values."""
    columns = "facets (stream, field, value, created_at, id)"
    insert(db, columns, "(?, ?, ?, ?, ?)", rows, conflict="ON CONFLICT DO NOTHING")


def remove_facets(db: sqlite3.Connection, rows: Sequence[Facet]) -> None:
    """Take items out of the order of each of their values."""
    db.executemany(
        "DELETE FROM facets"
        " WHERE stream = ? AND field = ? AND value = ? AND created_at = ? AND id = ?",
        rows,
    )


def facets_of(
    stream: int, item_id: str, created_at: int, values: Mapping[str, Values]
) -> list[Facet]:
    """Return the row of each value of an item."""
    return [
        (stream, field, value, created_at, item_id)
        for field, each in values.items()
        for value in each
    ]
