"""Units of time that people count in, from a second to a thousand years, aligned to UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

import msgspec

from brubeck.timekeeping import EPOCH, LATEST, datetime_to_millis, millis_to_datetime

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_MONDAY: Final = 4 * DAY
"""The first Monday after the epoch, at which weeks are aligned."""
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Unit(msgspec.Struct, frozen=True):
    """A number of milliseconds, or of months, with its name."""

    name: str
    size: int
    kind: Literal["millis", "months"] = "millis"

    def start(self, millis: int) -> int:
        """Return the start of the unit in which a moment lies.

        >>> Unit('day', DAY).start(DAY + 5) == DAY
        True
        """
        if self.kind == "millis":
            offset = _MONDAY if self.size % (7 * DAY) == 0 else 0
            # The first week that can be named is a short one.
            return max((millis - offset) // self.size * self.size + offset, _FIRST)
        moment = millis_to_datetime(millis)
        return _of_month((moment.year * 12 + moment.month - 1) // self.size * self.size)

    def next(self, start: int) -> int:
        """Return the start of the following unit; the end of time after the last one."""
        if self.kind == "millis":
            return min(self.start(start) + self.size, LATEST + 1)
        moment = millis_to_datetime(start)
        month = moment.year * 12 + moment.month - 1
        return _of_month(month // self.size * self.size + self.size)

    def starts(self, first: int, last: int) -> Iterator[int]:
        """Yield the start of each unit from the one of a moment to the one of another."""
        start = self.start(first)
        while start <= last:
            yield start
            start = self.next(start)

    def label(self, start: int) -> str:
        """Return the name of a unit by its start and, within a day, its end.

        >>> Unit('3 hours', 3 * HOUR).label(1517950800000)
        '6 Feb 2018 21:00 to 00:00'
        """
        moment = millis_to_datetime(start)
        if self.kind == "months":
            year = f"{moment.year}"
            if self.size >= 12:
                return year if self.size == 12 else f"{year} to {moment.year + self.size // 12 - 1}"
            of = "" if self.size == 1 else f"{self.name} from "
            return f"{of}{_MONTHS[moment.month - 1]} {year}"
        if self.size >= DAY:
            return _day(moment) if self.size == DAY else f"{self.name} from {_day(moment)}"
        end = millis_to_datetime(min(self.next(start), LATEST))
        clock = "%H:%M" if self.size >= MINUTE else "%H:%M:%S"
        return f"{_day(moment)} {moment:{clock}} to {end:{clock}}"


def minute_text(millis: int) -> str:
    """Return a moment in words, to the minute.

    >>> minute_text(1517966773840)
    '7 Feb 2018 01:26'
    """
    moment = millis_to_datetime(min(millis, LATEST))
    return f"{_day(moment)} {moment:%H:%M}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def _of_month(month: int) -> int:
    """Return the start of a month, counted from the year 0; there is none before the year 1."""
    year, at = divmod(month, 12)
    if year < 1:
        return _FIRST
    if year > 9999:
        return LATEST + 1
    return datetime_to_millis(datetime(year, at + 1, 1, tzinfo=EPOCH.tzinfo))


_FIRST: Final = datetime_to_millis(datetime(1, 1, 1, tzinfo=EPOCH.tzinfo))

UNITS: Final = (
    Unit("second", SECOND),
    *(Unit(f"{n} seconds", n * SECOND) for n in (2, 5, 10, 15, 30)),
    Unit("minute", MINUTE),
    *(Unit(f"{n} minutes", n * MINUTE) for n in (2, 5, 10, 15, 30)),
    Unit("hour", HOUR),
    *(Unit(f"{n} hours", n * HOUR) for n in (2, 3, 6, 12)),
    Unit("day", DAY),
    Unit("week", 7 * DAY),
    Unit("month", 1, "months"),
    Unit("quarter", 3, "months"),
    Unit("year", 12, "months"),
    *(Unit(f"{n} years", n * 12, "months") for n in (2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""All units, the shortest first."""
UNITS_BY_NAME: Final = {unit.name: unit for unit in UNITS}


def unit_of(first: int, last: int, most: int) -> Unit:
    """Return the shortest unit of which at most so many cover the time between two moments.

    >>> unit_of(0, 7 * DAY, 40).name, unit_of(0, 5, 40).name
    ('6 hours', 'second')
    """
    for unit in UNITS:
        size = unit.size if unit.kind == "millis" else unit.size * 31 * DAY
        if (last - first) // size > most:
            continue  # it need not be counted
        if sum(1 for _ in unit.starts(first, last)) <= most:
            return unit
    return UNITS[-1]
