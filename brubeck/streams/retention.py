"""Retention: the removal of items by age or by number, and of old deletions.

An item is removed by an ordinary deletion: its followers receive it. Deletions themselves are kept
for a time, so that a reader that was away that long misses none; one that was away longer has to
start over. Both are done in bounded pieces, by the first process that gets to it.
"""

from __future__ import annotations

from itertools import islice
from typing import Final
from uuid import uuid4

import msgspec

from brubeck import green
from brubeck.config.values import duration
from brubeck.documents.repository import RECORDS_AT_ONCE, Repository, batches
from brubeck.errors import ConfigError
from brubeck.storage import Delete, PageQuery, RecordStream, Written

MOST: Final = 20_000
"""The number of items that one call of `sweep` removes at most; the next call goes on."""


class Retention(msgspec.Struct, frozen=True):
    """The times for which items and deletions are kept, in seconds, or the number of kept items."""

    deletions: float
    age: float | None = None
    number: int | None = None


class Swept(msgspec.Struct, frozen=True):
    """The number of removed items, and of purged deletions."""

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


def sweep(records: RecordStream, retention: Retention, now: int) -> Swept:
    """Delete items that are too old or too many, and purge old deletions, as of ``now`` (µs)."""
    left = 0
    if retention.age is not None:
        until = now // 1000 - int(retention.age * 1000)
        left = _delete_oldest(records, MOST, until)
    elif retention.number is not None:
        total = records.count(PageQuery(limit=retention.number + MOST)).total
        left = _delete_oldest(records, max(total - retention.number, 0), None)
    forgotten = records.purge(now - int(retention.deletions * 1e6))
    return Swept(left, forgotten)


def _delete_oldest(records: RecordStream, most: int, until: int | None) -> int:
    """Delete the oldest items, before a time if one is given, and return their number."""
    query = PageQuery(limit=RECORDS_AT_ONCE, descending=False, until=until)
    found = green.fairly(islice(Repository(records).walk(query), most))
    oldest = [each.id for each in found]
    deleted = 0
    for some in green.fairly(batches(oldest)):
        outcomes = records.write([Delete(id=each, token=uuid4().hex) for each in some])
        deleted += sum(isinstance(each, Written) for each in outcomes)
    return deleted
