"""Facets: the values of filtered fields with their counts, each a link that filters by it.

They are counted in the sample of the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from brubeck import green
from brubeck.explorer.links import Links
from brubeck.explorer.sample import Sample
from brubeck.streams.context import Context
from brubeck.streams.entries import plain
from brubeck.streams.filters import Filter
from brubeck.streams.pages import PagePlan

MAX_VALUES: Final = 12
"""The maximal number of different values of a facet; a field with more has none."""
_EMPTY: Final = 3
"""How many different values have no text: none, null and the empty text."""
_KINDS: Final = frozenset(("string", "boolean", "integer"))
_LONGEST: Final = 40
_LONGEST_LINKED: Final = 500
"""The characters of a value that a URL may hold; a longer one has no link."""


class Facet(msgspec.Struct, frozen=True):
    """The values of a field, the most frequent first: text, count and link, or "", of each."""

    name: str
    values: list[tuple[str, int, str]]


class Facets(msgspec.Struct, frozen=True):
    """The facets of a page, and the words for the items that were counted."""

    facets: list[Facet]
    words: str = ""


def facets_of(context: Context, plan: PagePlan, links: Links, sample: Sample) -> Facets:
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
    read = _reader(tuple(each.field for each in declared))
    counts: list[Counter[Any]] = [Counter() for _ in declared]
    for record in green.fairly(sample.records):
        values = msgspec.structs.astuple(read.decode(record.body))
        for counter, value in zip(counts, values, strict=True):
            counter[value] += 1
    found = [_facet(each, counter, links) for each, counter in zip(declared, counts, strict=True)]
    return Facets([each for each in found if each is not None], sample.words)


def _facet(each: Filter, counter: Counter[Any], links: Links) -> Facet | None:
    counted = [
        (text, count)
        for value, count in counter.most_common(MAX_VALUES + _EMPTY + 1)
        if (text := "" if value is msgspec.UNSET else plain(value))
    ]
    if not 1 < len(counted) <= MAX_VALUES:
        return None
    return Facet(each.field, list(_values(each, counted, links)))


def _values(
    each: Filter, counted: Iterable[tuple[str, int]], links: Links
) -> Iterator[tuple[str, int, str]]:
    for text, count in green.fairly(counted):
        short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        is_linked = len(text) <= _LONGEST_LINKED
        yield short, count, links.among(each.parameter, text) if is_linked else ""


@lru_cache(maxsize=256)
def _reader(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Return a decoder that reads only some members of an item."""
    kind = str | bool | int | float | None | msgspec.UnsetType
    fields = [
        (f"f{at}", kind, msgspec.field(default=msgspec.UNSET, name=name))
        for at, name in enumerate(names)
    ]
    return msgspec.json.Decoder(msgspec.defstruct("_Sampled", fields))
