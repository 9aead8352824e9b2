"""Units of time: aligned, one after the other, from the first year to the last."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brubeck.explorer.time_units import UNITS, Unit, unit_of
from brubeck.timekeeping import EARLIEST, LATEST

MOMENTS = st.integers(EARLIEST, LATEST)


@given(moment=MOMENTS, unit=st.sampled_from(UNITS))
def test_a_moment_is_in_its_unit(moment: int, unit: Unit) -> None:
    """And the units before and after it begin where it ends."""
    start = unit.start(moment)
    after = unit.next(start)
    assert EARLIEST <= start <= moment < after <= LATEST + 1
    assert unit.start(start) == start
    assert unit.start(after - 1) == start
    if after <= LATEST:
        assert unit.start(after) == after
    assert unit.label(start)


@given(one=MOMENTS, other=MOMENTS, most=st.integers(20, 60))
@example(one=0, other=60_480_000_000, most=24)
def test_a_few_units_cover_any_time(one: int, other: int, most: int) -> None:
    """Of the shortest one that does."""
    first, last = sorted((one, other))
    unit = unit_of(first, last, most)
    starts = list(unit.starts(first, last))
    assert 1 <= len(starts) <= most
    assert starts[0] <= first
    assert unit.next(starts[-1]) > last
    shorter = UNITS[: UNITS.index(unit)]
    if shorter and last - first < 10**12:
        assert len(list(shorter[-1].starts(first, last))) > most


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "second"),
        (1 / 24, "2 minutes"),
        (1, "hour"),
        (7, "6 hours"),
        (30, "day"),
        (200, "week"),
        (1000, "month"),
        (40 * 365, "2 years"),
    ],
)
def test_units_are_those_that_people_count_in(days: float, name: str) -> None:
    """For a time that begins at the epoch."""
    assert unit_of(0, int(days * 86_400_000), 36).name == name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("2 seconds", "7 Feb 2018 01:26:12 to 01:26:14"),
        ("15 minutes", "7 Feb 2018 01:15 to 01:30"),
        ("12 hours", "7 Feb 2018 00:00 to 12:00"),
        ("day", "7 Feb 2018"),
        ("week", "week from 5 Feb 2018"),
        ("month", "Feb 2018"),
        ("quarter", "quarter from Jan 2018"),
        ("year", "2018"),
        ("10 years", "2010 to 2019"),
    ],
)
def test_a_unit_has_a_name(name: str, label: str) -> None:
    """Which says no more than it has to."""
    (unit,) = [each for each in UNITS if each.name == name]
    assert unit.label(unit.start(1517966773840)) == label
