"""Writing items inside one transaction, which gives them their positions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from brubeck.storage.history import WriteHistory, refusal
from brubeck.storage.indexing import IndexSet
from brubeck.storage.records import Delete, Outcome, Put, Write, Written
from brubeck.storage.schema import Values
from brubeck.storage.sqlite.streams import (
    SIGHT,
    Facet,
    Sight,
    add_facets,
    add_sight,
    facets_of,
    insert,
    read_history,
    read_row,
    remove_facets,
    write_past,
)

_TOGETHER: Final = 500
"""How many items are looked up by one statement."""


class _Entry(msgspec.Struct):
    """The row of one id in the file."""

    number: int
    created_at: int
    position: int
    body: bytes | None
    version: int
    past: WriteHistory


class Writer:
    """Writes to one stream, by one version of its set of indexes.

    The items of many writes are looked up by one statement, and the rows that they add are
    collected and inserted together: rows of different items do not depend on each other's order.
    """

    def __init__(self, stream: int, indexes: IndexSet, now: int) -> None:
        self._stream = stream
        self._indexes = indexes
        self._now = now
        self._head = self._floor = 0
        self._items: list[tuple[object, ...]] = []
        self._facets: list[Facet] = []
        self._sight: list[Sight] = []

    def write(
        self, db: sqlite3.Connection, writes: Sequence[Write], values: list[dict[str, Values]]
    ) -> list[Outcome] | None:
        """Do each write; None, and nothing is done, where the set of indexes is another by now."""
        row = read_row(db, self._stream)
        self._head, self._floor = row.head.position, row.head.floor
        if row.version != self._indexes.version:
            return None
        outcomes: list[Outcome] = []
        for some in _of_different_items(zip(writes, values, strict=True)):
            numbers = self._numbers(db, [write.id for write, _ in some])
            outcomes += [self._write(db, numbers.get(each[0].id), *each) for each in some]
            self._insert_collected(db)
        db.execute("UPDATE streams SET position = ? WHERE stream = ?", (self._head, self._stream))
        return outcomes

    def _write(
        self,
        db: sqlite3.Connection,
        number: int | None,
        write: Write,
        values: dict[str, Values],
    ) -> Outcome:
        entry = None if number is None else self._read(db, number)
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
            self._create(write, values, position)
        else:
            self._replace(db, entry, write, values, position)
        return Written(position)

    def _numbers(self, db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers of those ids that have an entry."""
        marks = ",".join("?" * len(ids))
        rows = db.execute(
            f"SELECT id, number FROM items WHERE stream = ? AND id IN ({marks})",  # noqa: S608, no value is in it
            (self._stream, *ids),
        )
        return {item_id.decode(): number for item_id, number in rows}

    def _read(self, db: sqlite3.Connection, number: int) -> _Entry:
        created_at, position, body, version, past = db.execute(
            "SELECT created_at, position, body, version, past FROM items WHERE number = ?",
            (number,),
        ).fetchone()
        return _Entry(number, created_at, position, body, version, read_history(past))

    def _create(self, put: Put, values: dict[str, Values], position: int) -> None:
        past = write_past(WriteHistory(tokens=((put.token, position),)))
        self._items.append((self._stream, put.id, put.created_at, position, put.body, past))
        self._facets += facets_of(self._stream, put.id, put.created_at, self._faceted(values))
        self._see(put.id, position, viewers=self._indexes.schema.viewers(values))

    def _insert_collected(self, db: sqlite3.Connection) -> None:
        columns = "items (stream, id, created_at, position, body, past)"
        insert(db, columns, "(?, ?, ?, ?, CAST(? AS TEXT), ?)", self._items)
        add_facets(db, self._facets)
        add_sight(db, self._sight)
        self._items, self._facets, self._sight = [], [], []

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
        self._see(write.id, position, viewers=can)
        self._see(write.id, position, viewers=could - can, gone=True)

    def _see(
        self, item_id: str, position: int, *, viewers: frozenset[str], gone: bool = False
    ) -> None:
        self._sight += [(self._stream, each, item_id, position, gone) for each in viewers]

    def _index(
        self,
        db: sqlite3.Connection,
        item_id: str,
        created_at: int,
        old: dict[str, Values],
        new: dict[str, Values],
    ) -> None:
        if gone := self._faceted(old):
            remove_facets(db, facets_of(self._stream, item_id, created_at, gone))
        self._facets += facets_of(self._stream, item_id, created_at, self._faceted(new))

    def _faceted(self, values: dict[str, Values]) -> dict[str, Values]:
        """Return the values that have an order: those of equality indexes, and the viewers."""
        equality = self._indexes.equality
        found = {name: each for name, each in values.items() if name in equality}
        if viewers := self._indexes.schema.viewers(values):
            found[SIGHT] = tuple(viewers)
        return found


def _of_different_items(
    writes: Iterable[tuple[Write, dict[str, Values]]],
) -> Iterator[list[tuple[Write, dict[str, Values]]]]:
    """Yield writes and their values in lists, as long as no item is in one of them twice."""
    some: list[tuple[Write, dict[str, Values]]] = []
    ids: set[str] = set()
    for each in writes:
        if each[0].id in ids or len(some) == _TOGETHER:
            yield some
            some, ids = [], set()
        some.append(each)
        ids.add(each[0].id)
    yield some
