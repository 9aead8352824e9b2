"""Cells: the values of an item as a person reads them, each in one line.

A cell has a short text; where that is not the whole value, its title is (up to `LONGEST_TITLE`
characters: the item's own page shows all of it).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import msgspec

from brubeck.streams.entries import plain
from brubeck.streams.projection import members
from brubeck.timekeeping import (
    EARLIEST,
    LATEST,
    millis_to_datetime,
    millis_to_rfc3339,
    rfc3339_to_millis,
)

LONGEST_TEXT: Final = 120
"""The maximal number of characters of a text in a table."""
LONGEST_TITLE: Final = 500
"""The maximal number of characters of a title."""
VISIBLE_TEXT: Final = 28
"""The number of characters that a column is sure to have room for; a longer text has a title."""
LONGEST_ID: Final = 16
"""The maximal length of an id that is shown whole."""

# No blanks, and none of what browsers or Python take for one.
_URL: Final = re.compile(
    r"https?://([^\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff/?#\\]+)"
    r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]*"
)
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


_TITLE_BYTES: Final = 4 * LONGEST_TITLE + 4
_list: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class Cell(msgspec.Struct, frozen=True):
    """A value as a person reads it.

    ``kind`` is ``n`` for numbers, ``t`` for times, ``b`` for badges, ``j`` for folded JSON and
    empty for texts. ``time`` is the machine's form of a time, ``href`` the target of a link.
    """

    text: str
    kind: str = ""
    title: str = ""
    href: str = ""
    time: str = ""


EMPTY: Final = Cell("")


def cell_of(raw: msgspec.Raw | None, field: Any, year: int) -> Cell:
    """Return the cell of a member's JSON; ``field`` is the model's, or None where it has none."""
    json = b"null" if raw is None else bytes(raw)
    if json[:1] in (b"[", b"{"):
        return _folded(json)
    value = msgspec.json.decode(json)
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool) or _has_choice(field, value):
        return Cell(plain(value), "b")
    kind = "" if field is None else field.kind
    if isinstance(value, int | float):
        is_time = kind == "milliseconds" and isinstance(value, int) and EARLIEST <= value <= LATEST
        return time_cell(int(value), year) if is_time else Cell(plain(value), "n")
    return _moment(value, year) if kind == "datetime" else _text(value)


def time_cell(millis: int, year: int) -> Cell:
    """Return a time, compact, with the moment to the millisecond in its title.

    >>> time_cell(1517966773840, 2018).text, time_cell(1517966773840, 2026).text
    ('7 Feb 01:26', '7 Feb 2018 01:26')
    """
    moment = millis_to_rfc3339(millis)
    return Cell(_compact(millis_to_datetime(millis), year), "t", moment, time=moment)


def id_cell(item_id: str, base: str) -> Cell:
    """Return the link to an item.

    >>> id_cell('0198c5e2-7d3a-7000-8000-3f9a2b7c1d4e', '/quakes').text
    '0198c5e2…1d4e'
    """
    is_long = len(item_id) > LONGEST_ID
    text = f"{item_id[:8]}…{item_id[-4:]}" if is_long else item_id
    return Cell(text, "i", item_id if is_long else "", f"{base}/{item_id}")


def link_of(text: str) -> tuple[str, str] | None:
    """Return the target and the host of a text that is the URL of a web page.

    >>> link_of('https://you@example.org:8000/a?b'), link_of('javascript:alert(1)')
    (('https://you@example.org:8000/a?b', 'example.org:8000'), None)
    """
    match = _URL.fullmatch(text)
    return None if match is None else (text, match[1].rpartition("@")[2])


def _text(text: str) -> Cell:
    link = link_of(text)
    shown = text if link is None else link[1]
    if len(shown) > LONGEST_TEXT:
        shown = f"{shown[: LONGEST_TEXT - 1]}…"
    is_whole = shown == text and len(text) <= VISIBLE_TEXT
    title = "" if is_whole or link else _title(text)  # a browser shows where a link leads
    return Cell(shown, title=title, href=link[0] if link else "")


def _folded(json: bytes) -> Cell:
    """Return an object or a list as the number of its members."""
    if json[:1] == b"{":
        count, (first, last) = len(members(json)), "{}"
    else:
        count, (first, last) = len(_list.decode(json)), "[]"
    title = _title(json[:_TITLE_BYTES].decode(errors="ignore")) if count else ""
    return Cell(f"{first}{count or ''}{last}", "j", title)


def _moment(text: str, year: int) -> Cell:
    """Return the cell of a moment; one that is no RFC 3339 text is shown as it is."""
    try:
        moment = millis_to_datetime(rfc3339_to_millis(text))
    except (ValueError, OverflowError):
        return _text(text)
    return Cell(_compact(moment, year), "t", text, time=text)


def _compact(moment: datetime, year: int) -> str:
    of_year = "" if moment.year == year else f" {moment.year}"
    return f"{moment.day} {_MONTHS[moment.month - 1]}{of_year} {moment:%H:%M}"


def _has_choice(field: Any, value: object) -> bool:
    choices = None if field is None else field.choices
    return isinstance(choices, list | tuple) and value in choices


def _title(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"
