"""Cursors: places as text, there and back, and nonsense refused."""

from __future__ import annotations

import re
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.storage import TimelineCursor
from brubeck.storage.ids import ID, IdMaker, is_id
from brubeck.streams.cursors import (
    ChangeCursor,
    format_timeline_cursor,
    parse_change_cursor,
    parse_time,
    parse_timeline_cursor,
    url,
)
from brubeck.timekeeping import EARLIEST, LATEST

ids = st.from_regex(ID, fullmatch=True)
times = st.integers(EARLIEST, LATEST)


@given(times, st.none() | ids)
def test_a_place_survives_as_text(at: int, item_id: str | None) -> None:
    """From the year 0001 to 9999."""
    place = TimelineCursor(at, item_id)
    assert parse_timeline_cursor(format_timeline_cursor(place), "up") == place


@given(
    st.integers(0, 10**16 - 1),
    st.from_regex("[0-9a-z]{1,32}", fullmatch=True),
    st.integers(0, 10**16 - 1),
)
def test_a_place_in_the_changes_survives_as_text(position: int, era: str, began: int) -> None:
    """Where the head was goes with it only while the reader is behind it."""
    back = parse_change_cursor(str(ChangeCursor(position, era, began)))
    assert back == ChangeCursor(position, era, began if began > position else 0)


@given(st.text(max_size=40))
def test_no_text_is_another_error(text: str) -> None:
    """Each is a place, or a `ValueError`."""
    for read in (
        parse_change_cursor,
        lambda t: parse_timeline_cursor(t, "up"),
        lambda t: parse_time(t, "up"),
    ):
        try:
            read(text)
        except ValueError as reason:
            assert str(reason)  # noqa: PT017, either way is right


def test_finer_times_are_rounded_away_from_what_was_seen() -> None:
    """`after` down, everything else up."""
    text = "1970-01-01T00:00:00.0005Z"
    assert parse_timeline_cursor(text, "up") == TimelineCursor(1)
    assert parse_timeline_cursor(text, "down") == TimelineCursor(0)


@given(st.text())
def test_ids_are_what_the_rule_says(text: str) -> None:
    """Letters and digits first, 128 at the most, and not `changes`."""
    by_rule = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", text) and text != "changes"
    assert is_id(text) == bool(by_rule)


def test_made_ids_ascend() -> None:
    """A hundred thousand of them, many a millisecond, all version 7."""
    make = IdMaker()
    made = [make() for _ in range(100_000)]
    assert made == sorted(set(made))
    assert all(is_id(each) for each in made[:100])
    assert {UUID(each).version for each in made[:100]} == {7}
    assert {UUID(each).variant for each in made[:100]} == {"specified in RFC 4122"}


@pytest.mark.parametrize("text", ["a b", "a&b=c", "é", "1~a:b,c", "%"])
def test_links_are_urls(text: str) -> None:
    """Readable where they may be, and read back as they were."""
    from urllib.parse import parse_qsl, urlsplit

    made = url("/x", [("after", text), ("b", "")])
    assert parse_qsl(urlsplit(made).query, keep_blank_values=True) == [("after", text), ("b", "")]


@pytest.mark.parametrize("text", ["2018-02-07T01:26:13 01:00", "2018-02-07 01:26:13.5 0100"])
def test_an_offset_that_lost_its_plus_is_recognised(text: str) -> None:
    """In a query a plus means a space; the error says how it is written."""
    with pytest.raises(ValueError, match="%2B"):
        parse_time(text, "up")


@pytest.mark.parametrize("rounding", ["up", "down"])
def test_the_last_moment_of_the_years_is_a_bound(rounding: Literal["up", "down"]) -> None:
    """With any number of digits."""
    for digits in range(1, 30):
        moment = parse_time(f"9999-12-31T23:59:59.{'9' * digits}Z", rounding)
        assert LATEST - 99 <= moment <= LATEST + 1
