"""The parameters of features: every good and bad form of ``datetime``, and names."""

from __future__ import annotations

import pytest

from brubeck.features.parameters import interval_pairs, stream_pairs
from brubeck.http import Problem
from tests.features.program import Places

MILLIS = 1_517_788_800_000  # 2018-02-05
DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2018-02-05T00:00:00Z", MILLIS, MILLIS + 1),
        ("2018-02-05T01:00:00+01:00", MILLIS, MILLIS + 1),
        ("2018-02-05T00:00:00.0005Z", MILLIS + 1, MILLIS + 1),
        ("2018-02-05T00:00:00Z/2018-02-05T00:00:01Z", MILLIS, MILLIS + 1001),
        ("2018-02-05T00:00:00Z/2018-02-05T00:00:00Z", MILLIS, MILLIS + 1),
        ("2018-02-05T00:00:00Z/..", MILLIS, None),
        ("2018-02-05T00:00:00Z/", MILLIS, None),
        ("../2018-02-05T00:00:00Z", None, MILLIS + 1),
        ("/2018-02-05T00:00:00Z", None, MILLIS + 1),
        ("../..", None, None),
        ("2018-02-05", MILLIS, MILLIS + DAY),
        ("2018-02-05/2018-02-06", MILLIS, MILLIS + 2 * DAY),
        ("2018-02-05T00:00:00Z/9999-12-31T23:59:59.999Z", MILLIS, None),
        ("2018-02-05/9999-12-31", MILLIS, None),
    ],
)
def test_an_interval_bounds_the_walk(text: str, since: int | None, until: int | None) -> None:
    """With both of its ends."""
    wanted = {"since": since, "until": until}
    found = {name: int(value) for name, value in interval_pairs(text)}
    assert found == {name: value for name, value in wanted.items() if value is not None}


@pytest.mark.parametrize(
    "text",
    [
        *("", "..", "/..x", "x", "2018", "1517788800000", "2018-02-05/2018-02-04"),
        *("2018-02-05T00:00:00Z/2018-02-06/..", "2018-13-05", "2018-02-05T25:00:00Z", "-5/.."),
        *("2018-02-05T00:00:00Z/2018-02-04T23:59:59Z", "2018-02-05T00:00:00Z" * 100, "a/b/c"),
    ],
)
def test_what_is_no_interval_is_refused(text: str) -> None:
    """With the rule, and never in many words."""
    with pytest.raises(Problem) as caught:
        interval_pairs(text)
    assert caught.value.status == 400
    assert 'The parameter "datetime" is invalid: ' in str(caught.value.detail)
    assert len(str(caught.value.detail)) < 300


def test_others_are_the_streams() -> None:
    """Those of pages and filters; a size is always given, since without one it is an export."""
    pairs = [("bbox", "1,2,3,4"), ("name", "x"), ("limit", "7"), ("before", "5~a")]
    assert stream_pairs(pairs, Places.spec) == pairs
    assert stream_pairs([], Places.spec) == [("limit", "3")]
    for name in ("fields", "since", "until", "count", "total", "bbox-crs", "crs", "f", "nmae"):
        with pytest.raises(Problem, match="There is no parameter"):
            stream_pairs([(name, "1")], Places.spec)
    with pytest.raises(Problem, match="more than once"):
        stream_pairs([("datetime", ".."), ("datetime", "..")], Places.spec)
