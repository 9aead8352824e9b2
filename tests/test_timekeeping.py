"""Time: milliseconds UTC both ways, RFC 3339, HTTP dates."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.timekeeping import (
    EARLIEST,
    LATEST,
    SYSTEM_CLOCK,
    curtime,
    datestring_to_millis,
    datetime_to_millis,
    http_date,
    http_date_to_millis,
    millis_to_datetime,
    millis_to_rfc3339,
    rfc3339_to_datetime,
    rfc3339_to_millis,
)

moments = st.integers(EARLIEST, LATEST)


@given(moments)
def test_every_moment_survives_each_way_there_and_back(millis: int) -> None:
    """From the year 0001 to 9999."""
    assert datetime_to_millis(millis_to_datetime(millis)) == millis
    assert rfc3339_to_millis(millis_to_rfc3339(millis)) == millis
    assert datestring_to_millis(millis_to_rfc3339(millis)) == millis


@given(moments)
def test_http_dates_survive_to_the_second(millis: int) -> None:
    """And are always GMT."""
    text = http_date(millis)
    assert text.endswith(" GMT")
    if millis_to_datetime(millis).year >= 1000:
        assert http_date_to_millis(text) == millis // 1000 * 1000


@given(moments, st.integers(0, 999_999), st.sampled_from(["up", "down"]))
def test_what_is_finer_is_rounded_as_told(millis: int, nanos: int, rounding: str) -> None:
    """Never by accident."""
    text = millis_to_rfc3339(millis)[:-1] + f"{nanos:06}Z"
    wanted = millis + (rounding == "up" and nanos > 0)
    if wanted <= LATEST:
        assert rfc3339_to_millis(text, rounding) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01", 1000),
        ("1970-01-01 02:00:00+02:00", 0),
        ("1969-12-31t23:00:00-01:00", 0),
        ("1998-12-31T23:59:60Z", 915148800000),
        ("1970-01-01T00:00:00.5z", 500),
    ],
)
def test_rfc3339_is_read_in_all_its_forms(text: str, millis: int) -> None:
    """With offsets, a leap second, a date alone, either case."""
    assert rfc3339_to_millis(text) == millis


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "1970", "1970-1-1", "1970-13-01", "1970-02-30", "1970-01-01T25:00:00Z"),
        *("1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+00:60", "0000-01-01", "1970-01-01T"),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "١٩٧٠-01-01", "1970-01-01\n"),
    ],
)
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    """And nothing else."""
    with pytest.raises(ValueError, match=r"."):
        rfc3339_to_millis(text)


@given(st.text(max_size=40))
def test_no_text_is_another_error(text: str) -> None:
    """Whatever it holds."""
    for read in (rfc3339_to_millis, datestring_to_millis, http_date_to_millis):
        with contextlib.suppress(ValueError):
            assert EARLIEST <= read(text) <= LATEST


def test_http_dates_come_in_three_forms() -> None:
    """The two old ones are still read (RFC 9110, section 5.6.7)."""
    for text in (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ):
        assert http_date_to_millis(text) == 784111777000


def test_local_time_is_never_used() -> None:
    """A datetime without a zone is UTC, in whatever zone the machine believes to be."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    try:
        assert datetime_to_millis(datetime(1970, 1, 1)) == 0  # noqa: DTZ001, that is the point
        assert millis_to_datetime(0) == datetime(1970, 1, 1, tzinfo=UTC)
        zone = timezone(timedelta(hours=5))
        assert datetime_to_millis(datetime(1970, 1, 1, 5, tzinfo=zone)) == 0
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def test_the_clock_of_the_machine_counts_microseconds() -> None:
    """In step with `curtime`."""
    assert abs(SYSTEM_CLOCK.micros() // 1000 - curtime()) < 60_000


DIGITS = st.text("0123456789", min_size=1, max_size=40)
OFFSETS = st.sampled_from(("", "Z", "z", "+00:00", "-00:00", "+05:30", "-23:59"))


@given(st.integers(EARLIEST // 1000 + 90_000, LATEST // 1000 - 90_000), DIGITS, OFFSETS)
def test_further_digits_are_cut_in_both_readers(seconds: int, digits: str, offset: str) -> None:
    """A value never becomes a later one, and both readers name the same millisecond."""
    text = f"{millis_to_rfc3339(seconds * 1000)[:19]}.{digits}{offset}"
    moment = rfc3339_to_datetime(text)
    assert moment.microsecond == int(digits[:6].ljust(6, "0"))
    assert datetime_to_millis(moment) == rfc3339_to_millis(text)
    assert (moment.tzinfo is None) == (offset == "")


def test_the_last_moment_of_the_years_is_read() -> None:
    """However many digits it has; as a bound, rounded up, it lies behind every moment."""
    for digits in range(1, 41):
        text = f"9999-12-31T23:59:59.{'9' * digits}Z"
        moment = rfc3339_to_datetime(text)
        assert (moment.year, moment.second) == (9999, 59)
        assert rfc3339_to_millis(text) <= LATEST
        assert rfc3339_to_millis(text, "up") == LATEST + (digits > 3) - {1: 99, 2: 9}.get(digits, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("2018-02-07T01:26:13+0100", "2018-02-07T01:26:13+01", "2018-02-07T01:26:61Z"),
        *(
            "2018-02-07T24:00:00Z",
            "2018-02-07T01:26",
            "2018-W06-3T00:00:00Z",
            "2018-02-30T00:00:00Z",
        ),
        *("2018-02-07T01:26:13 01:00", "2018-02-07T01:26:13,5Z", "9999-12-31T23:59:60Z"),
    ],
)
def test_both_readers_refuse_the_same(text: str) -> None:
    """There is one judgement of what a time is."""
    for reader in (rfc3339_to_millis, rfc3339_to_datetime):
        with pytest.raises(ValueError, match=r"not a time|second|hour|day|outside"):
            reader(text)


def test_a_leap_second_is_the_second_after_it_in_both_readers() -> None:
    """With its fraction."""
    text = "1998-12-31T23:59:60.25Z"
    assert rfc3339_to_datetime(text) == datetime(1999, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
    assert rfc3339_to_millis(text) == 915148800250
