"""Times and dates, and the formats that they are read and shown in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.dictshield.base import InvalidShield, ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import (
    DateTimeField,
    TimeStampField,
)
from brubeck.timekeeping import rfc3339_to_datetime


def naive(*parts: int) -> datetime:
    """Return a datetime without an offset."""
    made: Any = datetime
    moment: datetime = made(*parts)
    return moment


def test_old_date_functions_still_read_and_write() -> None:
    """`iso8601_to_date` and the others are there under their old names."""
    moment = naive(2012, 12, 21, 12, 0, 0, 5)
    assert DateTimeField.iso8601_to_date("2012-12-21T12:00:00.000005") == moment
    with pytest.raises(ValueError, match="not a date"):
        DateTimeField.iso8601_to_date("soon")
    assert DateTimeField.date_to_iso8601(moment, "%d.%m.") == "21.12."
    with pytest.raises(ShieldException):
        DateTimeField.date_to_iso8601(moment, 5)  # type: ignore[arg-type]
    stamp = TimeStampField.date_to_timestamp(moment)
    assert TimeStampField.timestamp_to_date(stamp) == moment.replace(microsecond=0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("2018-02-07T01:26:13.9999999Z", "9999-12-31T23:59:59.9999999Z", "2018-02-07T01:26:13.5"),
        *("1998-12-31T23:59:60Z", "2018-02-07T01:26:13.123456789+01:00", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_read_alike_whichever_way_it_comes(text: str) -> None:
    """From JSON, from decoded JSON and from Python; further digits are cut, never rounded."""

    class Dated(Document):
        at = DateTimeField()

    wanted = rfc3339_to_datetime(text)
    raw = msgspec.json.encode({"at": text})
    assert Dated.from_json(raw).at == wanted
    assert Dated.from_json(raw + b" ").at == wanted
    assert Dated.from_python({"at": text}).at == wanted
    assert Dated(at=text).at == wanted


GOOD_FORMATS = (
    *("%d.%m.%Y", "%Y", "%Y-%m-%dT%H:%M:%S%z", "%d.%m.%y", "%H:%M", "%I:%M %p", "%Y%m%d", "at %f"),
    *("%a %d %b %Y %H:%M:%S %z", "%Y-%j", "%A, %d %B %Y", "100%% %Y"),
)
BAD_FORMATS = ("%A", "%d.%m.", "%a %d.%m.%y", "%Y-%d-%m %Z", "%e", "%s", "%C", "%Y %U", "%", "%Q")


@pytest.mark.parametrize("form", BAD_FORMATS)
def test_a_format_that_does_not_read_its_own_texts_is_refused(form: str) -> None:
    """When the class is made: its items could not be sent back as they were received."""
    with pytest.raises(InvalidShield, match="read back"):
        type("Dated", (Document,), {"at": DateTimeField(format=form)})


@given(
    st.sampled_from(GOOD_FORMATS),
    st.datetimes(timezones=st.sampled_from((None, UTC, timezone(timedelta(hours=-7))))),
)
def test_what_a_format_shows_comes_back(form: str, moment: datetime) -> None:
    """In any year of four digits or less."""
    field = DateTimeField(format=form)
    text = field.for_json(moment)
    assert field.for_json(field.from_builtin(text)) == text


def test_a_format_comes_before_rfc_3339() -> None:
    """Where a text could be read as either."""
    field = DateTimeField(format="%Y-%d-%mT%H:%M:%S")
    assert field.from_builtin("2012-03-04T00:00:00") == naive(2012, 4, 3)
