"""Retention: the removal of items by age or by number, and of old deletions.

An item is removed by an ordinary deletion: its followers receive it. Deletions themselves are kept
for a time, so that a reader that was away that long misses none; one that was away longer has to
start over. Both are done in bounded pieces, by the first process that gets to it.
"""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import msgspec

from brubeck.config.values import duration
from brubeck.errors import ConfigError
from brubeck.storage import Delete, PageQuery, RecordStream, Written

PIECE: Final = 500
"""How many items leave in one write."""
MOST: Final = 20_000
"""How many items leave in one look, so that a look ends; the next goes on."""


class Retention(msgspec.Struct, frozen=True):
    """How long items and deletions are kept, in seconds; and how many items are kept."""

    deletions: float
    age: float | None = None
    number: int | None = None


class Swept(msgspec.Struct, frozen=True):
    """How many items left, and how many deletions were forgotten."""

    items: int
    deletions: int


def declare_retention(retain: object, keep_deletions: object, owner: str) -> Retention:
    """Return the retention that a handler declares; `ConfigError` for an invalid one.

    >>> declare_retention('30d', '7d', 'Quakes')
    Retention(deletions=604800.0, age=2592000.0, number=None)
    >>> declare_retention(10_000, '7d', 'Quakes').number
    10000
    """
    try:
        deletions = duration(keep_deletions)
    except ValueError as reason:
        raise ConfigError(f"{owner}.keep_deletions {reason}") from None
    if retain is None:
        return Retention(deletions)
    if isinstance(retain, int) and not isinstance(retain, bool):
        if retain < 1:
            raise ConfigError(f"{owner}.retain keeps at least one item, not {retain}.")
        return Retention(deletions, number=retain)
    try:
        return Retention(deletions, age=duration(retain))
    except ValueError:
        raise ConfigError(
            f"{owner}.retain is an age such as '30d' or a number of items, not {retain!r}."
        ) from None


def sweep(queryset: RecordStream, retention: Retention, now: int) -> Swept:
    """Delete items that are too old or too many, and purge old deletions, as of ``now`` (µs)."""
    left = 0
    if retention.age is not None:
        until = now // 1000 - int(retention.age * 1000)
        left = _delete_oldest(queryset, MOST, until)
    elif retention.number is not None:
        total = queryset.count(PageQuery(limit=retention.number + MOST)).total
        left = _delete_oldest(queryset, total - retention.number, None)
    forgotten = queryset.purge(now - int(retention.deletions * 1e6))
    return Swept(left, forgotten)


def _delete_oldest(queryset: RecordStream, most: int, until: int | None) -> int:
    """Delete the oldest items, before a time if one is given, and return how many it were."""
    deleted = 0
    while deleted < most:
        limit = min(PIECE, most - deleted)
        page = queryset.page(PageQuery(limit=limit, descending=False, until=until))
        outcomes = queryset.write(
            [Delete(id=record.id, token=uuid4().hex) for record in page.records]
        )
        deleted += sum(isinstance(each, Written) for each in outcomes)
        if page.stopped is None:
            break
    return deleted
