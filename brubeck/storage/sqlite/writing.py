"""Writing items inside one transaction, which gives them their positions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from brubeck.storage.history import WriteHistory, refusal
from brubeck.storage.indexing import IndexSet
from brubeck.storage.records import Delete, Outcome, Put, Write, Written
from brubeck.storage.schema import Values
from brubeck.storage.sqlite.streams import (
    SIGHT,
    add_facets,
    read_history,
    read_row,
    remove_facets,
    see,
    write_past,
)


class _Entry(msgspec.Struct):
    """The row of one id in the file."""

    number: int
    created_at: int
    position: int
    body: bytes | None
    version: int
    past: WriteHistory


class Writer:
    """Writes to one stream, by one version of its set of indexes."""

    def __init__(self, stream: int, indexes: IndexSet, now: int) -> None:
        self._stream = stream
        self._indexes = indexes
        self._now = now
        self._head = self._floor = 0

    def write(
        self, db: sqlite3.Connection, writes: Sequence[Write], values: list[dict[str, Values]]
    ) -> list[Outcome] | None:
        """Do each write; None, and nothing is done, where the set of indexes is another by now."""
        row = read_row(db, self._stream)
        self._head, self._floor = row.head.position, row.head.floor
        if row.version != self._indexes.version:
            return None
        outcomes = [self._write(db, *each) for each in zip(writes, values, strict=True)]
        db.execute("UPDATE streams SET position = ? WHERE stream = ?", (self._head, self._stream))
        return outcomes

    def _write(self, db: sqlite3.Connection, write: Write, values: dict[str, Values]) -> Outcome:
        entry = self._find(db, write.id)
        if entry is not None and (happened := entry.past.outcome_of(write.token)):
            return happened
        refused = refusal(
            write,
            live=entry is not None and entry.body is not None,
            position=None if entry is None else entry.position,
        )
        if refused is not None:
            return refused
        self._head = position = max(self._head + 1, self._floor + 1, self._now)
        if entry is None:
            assert isinstance(write, Put)  # noqa: S101, nothing else is allowed where nothing is
            self._insert(db, write, values, position)
        else:
            self._replace(db, entry, write, values, position)
        return Written(position)

    def _find(self, db: sqlite3.Connection, item_id: str) -> _Entry | None:
        row = db.execute(
            "SELECT number, created_at, position, body, version, past FROM items"
            " WHERE stream = ? AND id = ?",
            (self._stream, item_id),
        ).fetchone()
        if row is None:
            return None
        number, created_at, position, body, version, past = row
        return _Entry(number, created_at, position, body, version, read_history(past))

    def _insert(
        self, db: sqlite3.Connection, put: Put, values: dict[str, Values], position: int
    ) -> None:
        past = WriteHistory(tokens=((put.token, position),))
        db.execute(
            "INSERT INTO items (stream, id, created_at, position, body, past)"
            " VALUES (?, ?, ?, ?, CAST(? AS TEXT), ?)",
            (self._stream, put.id, put.created_at, position, put.body, write_past(past)),
        )
        self._index(db, put.id, put.created_at, {}, values)
        self._see(db, put.id, position, viewers=self._indexes.schema.viewers(values))

    def _replace(
        self,
        db: sqlite3.Connection,
        entry: _Entry,
        write: Write,
        values: dict[str, Values],
        position: int,
    ) -> None:
        schema = self._indexes.schema
        old = {} if entry.body is None else schema.extract(entry.body)
        could = frozenset(entry.past.viewers) if entry.body is None else schema.viewers(old)
        can = schema.viewers(values)
        new_life = entry.body is None or isinstance(write, Delete)
        body = None if isinstance(write, Delete) else write.body
        # In the life of an item it never changes, whatever a write says.
        begins = entry.body is None and isinstance(write, Put)
        created_at = write.created_at if isinstance(write, Put) and begins else entry.created_at
        version = 1 if begins else entry.version + 1
        past = entry.past
        past.replace(old, values)
        if isinstance(write, Put):
            past.admit(could, can)
        past.viewers = tuple(sorted(could)) if isinstance(write, Delete) else ()
        past.remember(write.token, position)
        db.execute(
            "UPDATE items SET created_at = ?, position = ?, body = CAST(? AS TEXT), past = ?,"
            " version = ? WHERE number = ?",
            (created_at, position, body, write_past(past), version, entry.number),
        )
        if new_life or old != values:
            self._index(db, write.id, created_at, old, values)
        self._see(db, write.id, position, viewers=can, gone=could - can)

    def _see(
        self,
        db: sqlite3.Connection,
        item_id: str,
        position: int,
        *,
        viewers: frozenset[str],
        gone: frozenset[str] = frozenset(),
    ) -> None:
        if viewers:
            see(db, self._stream, item_id, position, viewers, gone=False)
        if gone:
            see(db, self._stream, item_id, position, gone, gone=True)

    def _index(
        self,
        db: sqlite3.Connection,
        item_id: str,
        created_at: int,
        old: dict[str, Values],
        new: dict[str, Values],
    ) -> None:
        gone, come = self._facets(old), self._facets(new)
        if gone:
            remove_facets(db, self._stream, item_id, created_at, gone)
        if come:
            add_facets(db, self._stream, item_id, created_at, come)

    def _facets(self, values: dict[str, Values]) -> dict[str, Values]:
        """Return the values that have an order: those of equality indexes, and the viewers."""
        equality = self._indexes.equality
        found = {name: each for name, each in values.items() if name in equality}
        if viewers := self._indexes.schema.viewers(values):
            found[SIGHT] = tuple(viewers)
        return found
