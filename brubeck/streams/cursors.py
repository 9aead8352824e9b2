"""Cursors: places in the two orders of a stream, in plain text.

- A place in the timeline is ``<created_at>`` or ``<created_at>~<id>``. Without an id it is a whole
  millisecond, and its time may also be RFC 3339.
- A place in the change order is ``<position>~<era>`` or a bare position, which means the present
  era. While a reader from the beginning is still behind where the head was when it set out, that
  head follows as a third part.

Nothing in a cursor needs hiding: direction, filters and rights come from the request.
"""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from brubeck.storage import TimelineCursor
from brubeck.storage.ids import is_id
from brubeck.timekeeping import EARLIEST, LATEST, rfc3339_to_millis

RESET: Final = "reset"
"""The event id of a feed's end after a lost place; a reader that sends it has to stop."""

_MILLIS: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_LOST_PLUS: Final = re.compile(r"[0-9T:.t -]{19,60} \d\d:?\d\d", re.ASCII)
CHANGE: Final = re.compile(r"([0-9]{1,16})(?:~([0-9a-z]{1,32})(?:~([0-9]{1,16}))?)?")
"""The syntax of a cursor of the change order."""


def parse_time(text: str, rounding: Literal["up", "down"]) -> int:
    """Return the moment of milliseconds or RFC 3339; `ValueError` when it is neither.

    >>> parse_time('1517966773840', 'up') == parse_time('2018-02-07T01:26:13.840Z', 'up')
    True
    """
    if not _MILLIS.fullmatch(text):
        try:
            return rfc3339_to_millis(text, rounding)
        except ValueError:
            if _LOST_PLUS.fullmatch(text):
                hint = "in a URL, the + of an offset is written %2B"
                raise ValueError(f'"{text[:60]}" is not a time; {hint}') from None
            raise
    millis = int(text)
    if not EARLIEST <= millis <= LATEST:
        raise ValueError(f"{text} ms lies outside the years 0001 to 9999")
    return millis


def parse_timeline_cursor(text: str, rounding: Literal["up", "down"]) -> TimelineCursor:
    """Return a place in the timeline; `ValueError` when the text is none."""
    time, separator, item_id = text.partition("~")
    if not separator:
        # One millisecond past either end: where a walk turns round that has seen everything.
        if time in (str(EARLIEST - 1), str(LATEST + 1)):
            return TimelineCursor(int(time))
        return TimelineCursor(parse_time(time, rounding))
    if not _MILLIS.fullmatch(time) or not is_id(item_id):
        raise ValueError(f'"{text[:160]}" is not a cursor like 1517966773840~ci37868143')
    return TimelineCursor(parse_time(time, rounding), item_id)


def format_timeline_cursor(place: TimelineCursor) -> str:
    """Return a place in the timeline as text."""
    return str(place.created_at) if place.id is None else f"{place.created_at}~{place.id}"


class ChangeCursor(msgspec.Struct, frozen=True):
    """A place in the change order.

    >>> parse_change_cursor('1763882651123456~k3f9')
    ChangeCursor(position=1763882651123456, era='k3f9', began=0)
    """

    position: int
    era: str | None = None
    began: int = 0

    def __str__(self) -> str:
        text = f"{self.position}~{self.era}"
        return f"{text}~{self.began}" if self.began > self.position else text


def parse_change_cursor(text: str) -> ChangeCursor:
    """Return a place in the change order; `ValueError` when the text is none."""
    match = CHANGE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text[:160]}" is not a cursor like 1763882651123456~k3f9')
    return ChangeCursor(int(match[1]), match[2], int(match[3] or 0))


def url(path: str, pairs: list[tuple[str, str]]) -> str:
    """Return a path with a query, as readable as a URL may be."""
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
    return f"{path}?{query}" if query else path


def _quoted(text: str) -> str:
    return quote(text, safe="~:,")
