"""Facets: the values of filtered fields with their counts, each a link that filters by it.

They are counted among the newest items that meet the filters, at most `SAMPLE`, as this caller
sees them; so they cost the same however long the stream is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from brubeck import green
from brubeck.explorer.links import Links
from brubeck.storage import Record, TimelineCursor
from brubeck.streams.context import Context
from brubeck.streams.entries import plain
from brubeck.streams.filters import Filter
from brubeck.streams.pages import PagePlan

SAMPLE: Final = 1000
"""The maximal number of items that are counted."""
MAX_VALUES: Final = 12
"""The maximal number of different values of a facet; a field with more has none."""
_STEPS: Final = 4
"""The maximal number of steps of the storage: a rare filter is scanned in bounded steps."""
_KINDS: Final = frozenset(("string", "boolean", "integer"))
_LONGEST: Final = 40


class Facet(msgspec.Struct, frozen=True):
    """The values of a field, the most frequent first: text, count and link of each."""

    name: str
    values: list[tuple[str, int, str]]


class Facets(msgspec.Struct, frozen=True):
    """The facets of a page; ``counted`` says how many items were counted, ``whole`` if all."""

    facets: list[Facet]
    counted: int = 0
    whole: bool = True


def facets_of(context: Context, plan: PagePlan, links: Links) -> Facets:
    """Return the facets of the fields that are not filtered by yet."""
    used = {condition.name for condition in plan.parameters.where}
    fields = context.spec.model._fields
    declared = [
        each
        for each in context.spec.parameters.filters.values()
        if each.operator == "eq" and fields[each.field].kind in _KINDS and each.field not in used
    ]
    if not declared:
        return Facets([])
    records, whole = _sample(context, plan)
    read = _reader(tuple(each.field for each in declared))
    counts: list[Counter[Any]] = [Counter() for _ in declared]
    for record in green.fairly(records):
        values = msgspec.structs.astuple(read.decode(record.body))
        for counter, value in zip(counts, values, strict=True):
            counter[value] += 1
    found = [_facet(each, counter, links) for each, counter in zip(declared, counts, strict=True)]
    return Facets([each for each in found if each is not None], len(records), whole)


def _sample(context: Context, plan: PagePlan) -> tuple[list[Record], bool]:
    records: list[Record] = []
    start: TimelineCursor | None = None
    for _ in range(_STEPS):
        query = msgspec.structs.replace(
            plan.query, limit=SAMPLE - len(records), start=start, descending=True
        )
        page = context.records.page(query)
        records += page.records
        start = page.stopped
        if start is None or len(records) >= SAMPLE:
            break
    return records, start is None


def _facet(each: Filter, counter: Counter[Any], links: Links) -> Facet | None:
    values = list(_values(each, counter.most_common(), links))
    return Facet(each.field, values) if 1 < len(values) <= MAX_VALUES else None


def _values(
    each: Filter, counted: Iterable[tuple[Any, int]], links: Links
) -> Iterator[tuple[str, int, str]]:
    for value, count in counted:
        text = "" if value is msgspec.UNSET else plain(value)
        if text:
            short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
            yield short, count, links.having(each.parameter, text)


@lru_cache(maxsize=256)
def _reader(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Return a decoder that reads only some members of an item."""
    kind = str | bool | int | float | None | msgspec.UnsetType
    fields = [
        (f"f{at}", kind, msgspec.field(default=msgspec.UNSET, name=name))
        for at, name in enumerate(names)
    ]
    return msgspec.json.Decoder(msgspec.defstruct("_Sampled", fields))
