"""The sample of a page: the newest items that meet its filters, as this caller sees them.

Facets and the histogram are counted from it, so that both cost the same however long the stream
is. They are kept until the next write, where the stream has no viewers: the moment of a new count
would reveal when others have written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

import msgspec

from brubeck import green
from brubeck.storage import Head, Record, TimelineCursor
from brubeck.storage.sizes import STEP_BYTES
from brubeck.streams.context import Context
from brubeck.streams.pages import PagePlan, PageView

T = TypeVar("T")

SAMPLE: Final = 2000
"""The maximal number of items of a sample."""
AT_ONCE: Final = 1000
"""The number of items that are asked for in one step, which holds up nobody else."""
_STEPS: Final = 4
"""The maximal number of steps of the storage: a rare filter is scanned in bounded steps, and large
items end the sample early."""


class Sample(msgspec.Struct, frozen=True):
    """The newest items of a walk, newest first; ``whole`` says whether there are no others."""

    records: list[Record]
    whole: bool
    head: Head

    @property
    def words(self) -> str:
        """The words for the items that were counted."""
        return "all items" if self.whole else f"the newest {len(self.records):,}"


class _Kept(msgspec.Struct, frozen=True):
    """A value that was computed when the stream's head was there."""

    head: Head
    value: object


def once_a_head(context: Context, view: PageView, compute: Callable[[Sample], T]) -> T:
    """Return the value computed of the page's sample, from the cache until the next write."""
    plan, kept = view.plan, view.plan.kept
    if isinstance(kept, _Kept) and _is_same(kept.head, view.page.head):
        return cast("T", kept.value)
    sample = _sample(context, view)
    value = compute(sample)
    may_keep = context.viewer is None and plan.asked > 1
    plan.kept = _Kept(sample.head, value) if may_keep else None
    return value


def _is_same(one: Head, other: Head) -> bool:
    """Return whether no write lies between two heads; the floor moves with the clock."""
    return (one.position, one.era) == (other.position, other.era)


def _sample(context: Context, view: PageView) -> Sample:
    """Return the sample of a page; the page itself, where it shows all items."""
    plan, page = view.plan, view.page
    if plan.query.start is None and page.stopped is None:
        newest_first = page.records if plan.query.descending else page.records[::-1]
        return Sample(newest_first, True, page.head)
    return _walked(context, plan)


def _walked(context: Context, plan: PagePlan) -> Sample:
    records: list[Record] = []
    start: TimelineCursor | None = None
    head: Head | None = None
    size = 0
    for _ in range(_STEPS):
        query = msgspec.structs.replace(
            plan.query, limit=min(AT_ONCE, SAMPLE - len(records)), start=start, descending=True
        )
        green.take_turn()  # each of many readers may take as many steps
        page = context.records.page(query)
        records += page.records
        start = page.stopped
        head = head or page.head
        size += sum(len(record.body) for record in page.records)
        if start is None or len(records) >= SAMPLE or size >= STEP_BYTES:
            break
    return Sample(records, start is None, cast("Head", head))
