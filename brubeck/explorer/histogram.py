"""Histograms: the number of items over time, drawn by the server.

Bars are aligned to units of UTC, so that a histogram stays the same as long as the items do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from brubeck import green
from brubeck.explorer.links import Links
from brubeck.explorer.sample import Sample
from brubeck.explorer.time_units import DAY, HOUR, UNITS_BY_NAME, Unit, minute_text, unit_of
from brubeck.storage import Record
from brubeck.timekeeping import LATEST, millis_to_rfc3339

MAX_BARS: Final = 36
"""The maximal number of bars of a histogram."""
HEIGHT: Final = 40
"""The height of the highest bar, in units of the drawing."""


class _Period(msgspec.Struct, frozen=True):
    """A time before the newest item, with the unit and the number of its bars."""

    name: str
    millis: int
    unit: str
    bars: int


_PERIODS: Final = (
    _Period("month", 30 * DAY, "day", 30),
    _Period("week", 7 * DAY, "6 hours", 28),
    _Period("day", DAY, "hour", 24),
    _Period("hour", HOUR, "2 minutes", 30),
)


class Bar(msgspec.Struct, frozen=True):
    """A bar: its place from the left, its height, its times and its text.

    ``partial`` says that there may be more items in its time than were counted.
    """

    at: int
    height: int
    start: int
    end: int
    text: str
    href: str = ""
    partial: bool = False


class Histogram(msgspec.Struct, frozen=True):
    """The bars that have items, in the order of time; ``slots`` counts the others, too."""

    bars: list[Bar]
    slots: int
    unit: str
    first: int
    """The start of the first bar."""
    last: int
    """The end of the last bar."""
    words: str
    earlier: str = ""
    """The link to the items before the histogram; empty where there are none."""


class Sparkline(msgspec.Struct, frozen=True):
    """The heights of a sparkline's bars, the period that they cover, and the text for all."""

    heights: list[int]
    period: str
    words: str

    @property
    def path(self) -> str:
        """The bars as the path of an SVG, each two wide with one between."""
        bars = [
            f"M{3 * at} {HEIGHT}v-{height}h2v{height}z"
            for at, height in enumerate(self.heights)
            if height
        ]
        return "".join(bars)


def histogram_of(sample: Sample, links: Links, *, newest: bool) -> Histogram | None:
    """Return the histogram of a sample; None where all of it is in one bar."""
    found = _counted([record.created_at for record in sample.records], MAX_BARS)
    if found is None:
        return None
    unit, starts, counts = found
    highest = max(counts.values())
    bars = []
    for at, start in green.fairly(enumerate(starts)):
        if start not in counts:
            continue
        number, end = counts[start], unit.next(start)
        partial = at == 0 and not sample.whole
        text = f"{unit.label(start)} UTC: {_items(number)}{' or more' if partial else ''}"
        href = links.at("before", end) if newest else links.at("after", start - 1)
        bars.append(Bar(at, _height(number, highest), start, end, text, href, partial))
    return Histogram(
        bars,
        len(starts),
        unit.name,
        starts[0],
        min(bars[-1].end, LATEST),
        sample.words,
        "" if sample.whole else links.having("until", _moment(bars[0].end)),
    )


def sparkline_of(records: Sequence[Record], *, whole: bool) -> Sparkline | None:
    """Return the numbers of the latest items over time; None where they are in one bar.

    They are those of the last month, week, day or hour up to the newest item: the longest of which
    every item is among the records, and no longer than the stream is old.
    """
    if len(records) < 2:
        return None
    newest = records[0].created_at
    period = _period(newest - records[-1].created_at, whole=whole)
    if period is None:
        return None
    unit = UNITS_BY_NAME[period.unit]
    last = unit.start(newest)
    first = last - (period.bars - 1) * unit.size
    counts = Counter(
        (record.created_at - first) // unit.size for record in records if record.created_at >= first
    )
    if len(counts) < 2:
        return None
    highest = max(counts.values())
    heights = [_height(counts[at], highest) if counts[at] else 0 for at in range(period.bars)]
    number, end = sum(counts.values()), minute_text(last + unit.size)
    words = f"{_items(number)} in the {period.name} to {end} UTC"
    return Sparkline(heights, period.name, words)


def _period(age: int, *, whole: bool) -> _Period | None:
    """Return the period of a sparkline: the shortest that holds all items, or the longest known."""
    if whole:
        return next((each for each in reversed(_PERIODS) if each.millis >= age), _PERIODS[0])
    return next((each for each in _PERIODS if each.millis <= age), None)


def _counted(times: Sequence[int], most: int) -> tuple[Unit, list[int], Counter[int]] | None:
    """Return the unit, the starts of all bars and the number of items of each that has any."""
    if not times:
        return None
    first, last = min(times), max(times)
    unit = unit_of(first, last, most)
    counts = Counter(map(unit.start, times))
    if len(counts) < 2:
        return None
    return unit, list(unit.starts(first, last)), counts


def _height(number: int, highest: int) -> int:
    """Return the height of a bar; a single item among thousands is seen, too."""
    return max(2, round(HEIGHT * number / highest))


def _items(number: int) -> str:
    return f"{number:,} item{'' if number == 1 else 's'}"


def _moment(millis: int) -> str:
    """Return a moment in whole seconds."""
    return f"{millis_to_rfc3339(min(millis, LATEST))[:19]}Z"
