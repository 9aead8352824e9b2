"""The indexes of a stream's collection, and reading between two keys of one."""

from __future__ import annotations

from typing import Any, Final

from bson.datetime_ms import DatetimeMS
from pymongo import ASCENDING, DESCENDING, IndexModel

from brubeck.storage.mongo.documents import DEAD, POSITION, TOKEN, selector
from brubeck.storage.records import Condition
from brubeck.storage.schema import Schema
from brubeck.storage.timeline import Key

TIMELINE: Final = [("created_at", ASCENDING), ("_id", ASCENDING)]


def facet(name: str) -> list[tuple[str, int]]:
    """Return the index of a field: the timeline of each of its values."""
    return [(name, ASCENDING), *TIMELINE]


def indexes_of_every_stream() -> list[IndexModel]:
    """Return what the orders and the steps of a write need."""
    return [
        IndexModel(TIMELINE, name="timeline"),
        IndexModel(
            [(POSITION, ASCENDING)],
            name="position",
            unique=True,
            partialFilterExpression={POSITION: {"$exists": True}},
        ),
        IndexModel([(TOKEN, ASCENDING)], name="pending", sparse=True),
        IndexModel([(DEAD, ASCENDING)], name="dead", sparse=True),
    ]


def ordered(index: list[tuple[str, int]], *, descending: bool) -> list[tuple[str, int]]:
    """Return the order of an index, forwards or backwards."""
    return [(name, DESCENDING if descending else ASCENDING) for name, _ in index]


def between_keys(cursor: Any, led: Condition | None, low: Key, high: Key, schema: Schema) -> Any:
    """Bound a cursor by two keys of its index: the first is in it, the second is not."""
    before: list[tuple[str, Any]] = []
    if led is not None:
        (condition,) = selector((led,), schema)["$and"]
        before = [(led.name, condition[led.name]["$eq"])]
    return cursor.min([*before, *_bound(low)]).max([*before, *_bound(high)])


def _bound(key: Key) -> list[tuple[str, Any]]:
    return [("created_at", DatetimeMS(key[0])), ("_id", key[1])]
