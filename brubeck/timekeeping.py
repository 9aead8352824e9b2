"""Time as Brubeck counts it: whole milliseconds since the epoch, UTC, years 0001 to 9999.

Rules:

- A moment is an ``int`` of milliseconds, negative before 1970. Local time is never used: a date
  without an offset is taken as UTC.
- Text becomes a moment by RFC 3339, which is read here alone: a leap second counts as the second
  after it, and an offset has its colon. What is finer than a millisecond is rounded up or down, as
  the caller says, never cut by accident.
- Programs take the time from a `Clock`, so that a test can hold it.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Final, Literal, Protocol

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)
_NO_TIME: Final = timedelta()

EARLIEST: Final = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MILLISECOND
"""The first millisecond that Brubeck can name: 0001-01-01T00:00:00Z."""
LATEST: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MILLISECOND
"""The last millisecond that Brubeck can name: 9999-12-31T23:59:59.999Z."""

Rounding = Literal["up", "down"]

_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,40}))?([Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_PLAIN: Final = re.compile(
    r"\d{4}-\d\d-\d\dT[01]\d:\d\d:[0-5]\d(?:\.\d{1,6})?Z|\d{4}-\d\d-\d\dT2[0-3]:\d\d:[0-5]\d(?:\.\d{1,6})?Z",
    re.ASCII,
)
"""The common form, which the standard library reads in the same way, but quicker."""
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Clock(Protocol):
    """The source of time; tests supply their own."""

    def micros(self) -> int:
        """Return the microseconds since the epoch, UTC."""


class SystemClock:
    """The machine's own clock."""

    def micros(self) -> int:
        """Return the microseconds since the epoch, UTC."""
        return time.time_ns() // 1000


class HeldClock:
    """A clock that stands still until it is moved; for tests and replays.

    >>> clock = HeldClock(5_000)
    >>> clock.advance(7)
    >>> clock.micros()
    5007
    """

    def __init__(self, micros: int = 0) -> None:
        self._micros = micros

    def micros(self) -> int:
        """Return the microseconds since the epoch, UTC."""
        return self._micros

    def advance(self, micros: int) -> None:
        """Move the clock by ``micros`` microseconds; a negative number moves it back."""
        self._micros += micros


SYSTEM_CLOCK: Final = SystemClock()


def curtime() -> int:
    """Return the present moment in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def datetime_to_millis(moment: datetime, rounding: Rounding = "down") -> int:
    """Return a datetime as milliseconds; one without a time zone is UTC.

    >>> datetime_to_millis(datetime(1970, 1, 1, 0, 0, 1))
    1000
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - EPOCH
    return -(-since // _MILLISECOND) if rounding == "up" else since // _MILLISECOND


def millis_to_datetime(millis: int) -> datetime:
    """Return the UTC datetime of a moment; `ValueError` outside the years 0001 to 9999."""
    if not EARLIEST <= millis <= LATEST:
        raise ValueError(f"{millis} ms lies outside the years 0001 to 9999")
    return EPOCH + timedelta(milliseconds=millis)


def millis_to_rfc3339(millis: int) -> str:
    """Return a moment as RFC 3339 text with milliseconds.

    >>> millis_to_rfc3339(1517966773840)
    '2018-02-07T01:26:13.840Z'
    """
    return f"{millis_to_datetime(millis).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def rfc3339_to_millis(text: str, rounding: Rounding = "down") -> int:
    """Return the moment that an RFC 3339 text names; `ValueError` when it names none.

    A date alone is its first millisecond, a missing offset is UTC, and a leap second counts as the
    second after it (RFC 3339, section 5.6 and 5.7). Rounded up, the last moment of the year 9999
    is `LATEST` + 1: a bound that nothing lies beyond.

    >>> rfc3339_to_millis('2018-02-07T01:26:13.8401Z', 'up')
    1517966773841
    """
    if _DATE.fullmatch(text):
        text += "T00:00:00Z"
    local, leap, fraction, offset = _rfc3339(text)
    millis = (local - _NAIVE_EPOCH + leap - (offset or _NO_TIME)) // _MILLISECOND
    millis += int(fraction[:3].ljust(3, "0"))
    if not EARLIEST <= millis <= LATEST:
        raise ValueError(f'"{text}" lies outside the years 0001 to 9999')
    return millis + 1 if rounding == "up" and fraction[3:].strip("0") else millis


def rfc3339_to_datetime(text: str) -> datetime:
    """Return the datetime of an RFC 3339 text, cut to microseconds; `ValueError` when it is none.

    One without an offset stays without. A date alone is none.

    >>> rfc3339_to_datetime('2018-02-07T01:26:13.9999999').isoformat()
    '2018-02-07T01:26:13.999999'
    """
    if _PLAIN.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # the careful way says why
    local, leap, fraction, offset = _rfc3339(text)
    try:
        moment = local + leap
    except OverflowError:
        raise ValueError(f'"{text}" lies outside the years 0001 to 9999') from None
    zone = None if offset is None else timezone(offset) if offset else UTC
    return moment.replace(microsecond=int(fraction[:6].ljust(6, "0")), tzinfo=zone)


def _rfc3339(text: str) -> tuple[datetime, timedelta, str, timedelta | None]:
    """Return an RFC 3339 text's local time, leap second, fraction and offset from UTC."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text[:60]}" is not a time like 2018-02-07T01:26:13.840Z')
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    leap = second == 60
    local = datetime(year, month, day, hour, minute, 59 if leap else second)  # noqa: DTZ001, the offset is apart
    return local, _SECOND if leap else _NO_TIME, match[7] or "0", _offset(match[8])


def datestring_to_millis(text: str) -> int:
    """Return the moment that a date string names: RFC 3339, or an HTTP or e-mail date."""
    try:
        return rfc3339_to_millis(text)
    except ValueError as reason:
        try:
            return datetime_to_millis(parsedate_to_datetime(text))
        except ValueError:
            raise reason from None


def http_date(millis: int) -> str:
    """Return a moment as an HTTP date, always in GMT (RFC 9110, section 5.6.7).

    >>> http_date(784111777000)
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    moment = millis_to_datetime(millis)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT"


def http_date_to_millis(text: str) -> int:
    """Return the moment of an HTTP date in any of its three forms; `ValueError` when it is none."""
    for form in ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"):
        try:
            return datetime_to_millis(datetime.strptime(text, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    raise ValueError(f'"{text[:60]}" is not an HTTP date')


def _offset(zone: str | None) -> timedelta | None:
    """Return how far a zone such as ``+02:00`` is ahead of UTC; None for no zone."""
    if zone is None:
        return None
    if zone in "Zz":
        return _NO_TIME
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if hours > 23 or minutes > 59:
        raise ValueError(f'"{zone}" is not an offset from UTC')
    ahead = timedelta(hours=hours, minutes=minutes)
    return -ahead if zone[0] == "-" else ahead
