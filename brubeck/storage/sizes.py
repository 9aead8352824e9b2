"""The size limit of one step along a stream, in bytes: large items come in more steps."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from brubeck.storage.records import Page, TimelineCursor

STEP_BYTES: Final = 2 << 20
"""How many bytes of bodies fill a step; the one that fills it is its last."""


_body: Final = attrgetter("body")


def fitting(sizes: Sequence[int]) -> int:
    """Return how many bodies of these lengths, in their order, are in a step.

    >>> fitting([STEP_BYTES // 2] * 3), fitting([STEP_BYTES + 1, 1]), fitting([1])
    (2, 1, 1)
    """
    if sum(sizes) < STEP_BYTES:
        return len(sizes)
    total = 0
    for count, size in enumerate(sizes, 1):
        total += size
        if total >= STEP_BYTES:
            return count
    return len(sizes)


def bounded(page: Page) -> Page:
    """Return a page, or as much of its beginning as makes a step.

    Whether anything lies beyond a full step need not have been looked at: such a page says where
    to go on.
    """
    if sum(map(len, map(_body, page.records))) < STEP_BYTES:
        return page
    kept = fitting([len(each.body) for each in page.records])
    last = page.records[kept - 1]
    return Page(page.records[:kept], TimelineCursor(last.created_at, last.id), page.head)
