"""The parameters of OGC API Features as those of a stream."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from brubeck.errors import did_you_mean
from brubeck.http import Problem
from brubeck.streams.spec import StreamSpec
from brubeck.timekeeping import LATEST, rfc3339_to_millis

Pairs = list[tuple[str, str]]

DATETIME: Final = "datetime"
_WALK: Final = ("limit", "order", "before", "after")
"""The parameters of a page that mean the same here."""
DAY: Final = 86_400_000
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_OPEN: Final = ("..", "")
_LONGEST: Final = 100
_RULE: Final = (
    'it takes a moment (RFC 3339), or an interval of two with a slash, of which one may be ".."'
)


def stream_pairs(pairs: Sequence[tuple[str, str]], spec: StreamSpec) -> Pairs:
    """Return the parameters of a page of the stream; a `Problem` (400) for one of no meaning here.

    The stream itself checks the values of all but ``datetime``, which becomes its bounds of time.
    """
    known = (DATETIME, *_WALK, *spec.parameters.filters)
    made: Pairs = []
    moments: list[str] = []
    for name, value in pairs:
        if name not in known:
            hint = did_you_mean(name, known)
            raise Problem(400, f'There is no parameter "{name[:80]}" here.{hint}')
        if name == DATETIME:
            moments.append(value)
        else:
            made.append((name, value))
    if len(moments) > 1:
        raise _wrong("it is given more than once")
    if all(name != "limit" for name, _ in made):
        made.append(("limit", str(spec.parameters.page_size)))
    return made + [each for text in moments for each in interval_pairs(text)]


def interval_pairs(text: str) -> Pairs:
    """Return the bounds of a stream's walk by ``datetime``, which includes both ends.

    >>> interval_pairs('2018-02-05T00:00:00Z/..')
    [('since', '1517788800000')]
    """
    start, slash, end = text.partition("/")
    if len(text) > _LONGEST or "/" in end or not text:
        raise _wrong(_RULE)
    if not slash:
        end = start
        if start in _OPEN:
            raise _wrong(_RULE)
    since = None if start in _OPEN else _millis(start)
    last = None if end in _OPEN else _millis(end, down=True)
    if slash and last is not None and start not in _OPEN and rfc3339_to_millis(start) > last:
        raise _wrong("its end is before its start")
    made: Pairs = [] if since is None else [("since", str(since))]
    if last is not None and last < LATEST:  # nothing is later
        made.append(("until", str(last + 1)))
    return made


def _millis(text: str, *, down: bool = False) -> int:
    """Return a moment that bounds an interval; the end of one that is a date is that of the day."""
    try:
        if down and _DATE.fullmatch(text):
            return rfc3339_to_millis(text) + DAY - 1
        return rfc3339_to_millis(text, "down" if down else "up")
    except ValueError as reason:
        raise _wrong(f"{reason}; {_RULE}") from None


def _wrong(reason: str) -> Problem:
    return Problem(400, f'The parameter "{DATETIME}" is invalid: {reason}.')
