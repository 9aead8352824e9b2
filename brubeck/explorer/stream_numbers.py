"""The numbers of a stream in the index: its items, the newest one's time, and a sparkline.

They are kept until the next write, so that the index costs one command a stream.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from brubeck import green
from brubeck.explorer.histogram import Sparkline, sparkline_of
from brubeck.explorer.sample import AT_ONCE
from brubeck.storage import Count, Head, PageQuery
from brubeck.streams.stream import Stream

COUNT_BOUND: Final = 10_000
"""The maximal number of items that are counted in a stream."""


class Numbers(msgspec.Struct, frozen=True):
    """The numbers of a stream when its head was there."""

    head: Head
    count: Count
    newest: int | None
    sparkline: Sparkline | None


_kept: WeakKeyDictionary[Stream, Numbers] = WeakKeyDictionary()


def numbers_of(stream: Stream) -> Numbers:
    """Return the numbers of a stream that everybody may read; it may raise `Unavailable`."""
    green.take_turn()  # an index may have many streams
    records, known = stream.records(), _kept.get(stream)
    query = PageQuery(limit=AT_ONCE)
    if known is not None:
        page = records.page_unless(query, known.head)
        if page is None:
            return known
    else:
        page = records.page(query)
    found = page.records
    numbers = Numbers(
        page.head,
        records.count(PageQuery(limit=COUNT_BOUND)),
        found[0].created_at if found else None,
        sparkline_of(found, whole=page.stopped is None),
    )
    _kept[stream] = numbers
    return numbers
