"""Keys of the timeline, and the stretch of it that a query means: one shape for every storage."""

from __future__ import annotations

from typing import TypeAlias

from brubeck.storage.records import PageQuery
from brubeck.timekeeping import EARLIEST, LATEST

Key: TypeAlias = tuple[int, str]
"""An item's place in the timeline: ``(created_at, id)``, the id compared by its bytes."""


def key_range(query: PageQuery) -> tuple[Key, Key]:
    r"""Return the keys between which a step moves: the first is in it, the second is not.

    An empty id stands before every id of its millisecond, and an id with a NUL behind it stands
    right after that id, for no id holds one.

    >>> from brubeck.storage import TimelineCursor
    >>> key_range(PageQuery(limit=9, start=TimelineCursor(5, 'b'), since=2))
    ((2, ''), (5, 'b'))
    >>> key_range(PageQuery(limit=9, start=TimelineCursor(5, 'b'), descending=False, until=7))
    ((5, 'b\x00'), (7, ''))
    >>> key_range(PageQuery(limit=9, start=TimelineCursor(5), descending=False, until=7))
    ((6, ''), (7, ''))
    """
    low: Key = (EARLIEST if query.since is None else query.since, "")
    high: Key = (LATEST + 1 if query.until is None else query.until, "")
    start = query.start
    if start is None:
        return low, high
    if query.descending:
        return low, min(high, (start.created_at, start.id or ""))
    if start.id is None:
        return max(low, (start.created_at + 1, "")), high
    return max(low, (start.created_at, f"{start.id}\0")), high
