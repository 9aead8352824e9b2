"""The parameters of a stream's requests: read strictly, refused by name, never ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeVar

import msgspec

from brubeck.errors import did_you_mean
from brubeck.http import Problem
from brubeck.storage import FieldCondition, TimelineCursor
from brubeck.streams.cursors import (
    ChangeCursor,
    parse_change_cursor,
    parse_time,
    parse_timeline_cursor,
)
from brubeck.streams.filters import Filter

T = TypeVar("T")
Pairs = Sequence[tuple[str, str]]

MAX_WAIT: Final = 50.0
"""Seconds that a long poll waits at the most: proxies give a server a minute to answer."""
PAGE_PARAMETERS: Final = (
    *("limit", "count", "order", "before", "after", "since", "until", "fields", "total"),
)
EXPORT_PARAMETERS: Final = ("order", "before", "after", "since", "until", "fields")
TABLE_PARAMETERS: Final = ("times", "bom")
"""The parameters of an export as CSV alone."""
_OF_PAGES: Final = frozenset(PAGE_PARAMETERS) - frozenset(EXPORT_PARAMETERS)
CHANGES_PARAMETERS: Final = ("limit", "count", "after", "fields", "wait", "tick")
ITEM_PARAMETERS: Final = ("fields",)


class Declared(msgspec.Struct, frozen=True):
    """The declared parameters of a stream: its filters, its fields and its page sizes."""

    filters: Mapping[str, Filter]
    fields: frozenset[str]
    page_size: int
    max_page_size: int


class PageParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a page."""

    limit: int
    order: Literal["newest", "oldest"] = "newest"
    before: TimelineCursor | None = None
    after: TimelineCursor | None = None
    since: int | None = None
    until: int | None = None
    fields: tuple[str, ...] | None = None
    total: bool = False
    where: tuple[FieldCondition, ...] = ()
    readable_times: bool = False
    """Whether times are RFC 3339 texts; only of an export as CSV."""
    bom: bool = False
    """Whether a byte order mark comes first; only of an export as CSV."""


class ChangesParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a page of changes or of a feed; ``now`` starts at the head."""

    limit: int
    after: ChangeCursor | None = None
    now: bool = False
    wait: float = 0.0
    tick: int = 0
    """A number that makes URLs of empty pages differ; see `brubeck.streams.shared_caching`."""
    fields: tuple[str, ...] | None = None
    where: tuple[FieldCondition, ...] = ()


def page_parameters(pairs: Pairs, declared: Declared) -> PageParameters:
    """Read the parameters of a page; a `Problem` (400) names the first that is wrong."""
    given = _Given(pairs, (*PAGE_PARAMETERS, *declared.filters))
    return _page_parameters(given, declared, _limit(given, declared))


def page_start(name: str, text: str) -> TimelineCursor:
    """Read the start of a page, the parameter ``before`` or ``after``; a `Problem` (400) if bad."""
    try:
        return parse_timeline_cursor(text, "up" if name == "before" else "down")
    except ValueError as reason:
        raise _wrong(name, str(reason)) from None


def export_parameters(
    pairs: Pairs, declared: Declared, step: int, *, table: bool = False
) -> PageParameters:
    """Read the parameters of an export: those of a page without its size and its cursors.

    ``step`` is how many items are to be read at a time; ``table`` says that it is CSV, which has
    parameters of its own. Raises a `Problem` for a parameter of pages.
    """
    for name, _ in pairs:
        if name in _OF_PAGES:
            raise _wrong(name, "it is for pages, and an export has every item")
        if name in TABLE_PARAMETERS and not table and name not in declared.filters:
            raise _wrong(name, "it is for CSV")
    own = [name for name in TABLE_PARAMETERS if table and name not in declared.filters]
    given = _Given(pairs, (*EXPORT_PARAMETERS, *own, *declared.filters))
    parameters = _page_parameters(given, declared, step)
    return msgspec.structs.replace(
        parameters,
        readable_times="times" in own and given.read("times", _times, False),
        bom="bom" in own and given.read("bom", _true, False),
    )


def timeline_parameters(pairs: Pairs, declared: Declared, step: int) -> PageParameters:
    """Read what the program itself may ask of a timeline: ``since``, ``until`` and filters.

    ``step`` as for `export_parameters`. Raises a `Problem` for any other parameter.
    """
    return _page_parameters(_Given(pairs, ("since", "until", *declared.filters)), declared, step)


def _page_parameters(given: _Given, declared: Declared, limit: int) -> PageParameters:
    if given.has("before") and given.has("after"):
        raise _wrong("after", "a page starts at one place, and before is given too")
    return PageParameters(
        limit=limit,
        order=given.read("order", _order, "newest"),
        before=given.read("before", lambda text: parse_timeline_cursor(text, "up"), None),
        after=given.read("after", lambda text: parse_timeline_cursor(text, "down"), None),
        since=given.read("since", lambda text: parse_time(text, "up"), None),
        until=given.read("until", lambda text: parse_time(text, "up"), None),
        fields=_fields(given, declared),
        total=given.read("total", _true, False),
        where=_where(given, declared),
    )


def changes_parameters(pairs: Pairs, declared: Declared) -> ChangesParameters:
    """Read the parameters of changes; a `Problem` (400) names the first that is wrong."""
    given = _Given(pairs, (*CHANGES_PARAMETERS, *declared.filters))
    now = given.one("after") == "now"
    return ChangesParameters(
        limit=_limit(given, declared),
        after=None if now else given.read("after", parse_change_cursor, None),
        now=now,
        wait=given.read("wait", _wait, 0.0),
        tick=given.read("tick", _tick, 0),
        fields=_fields(given, declared),
        where=_where(given, declared),
    )


def item_parameters(pairs: Pairs, declared: Declared) -> tuple[str, ...] | None:
    """Read the parameters of an item: only ``fields``."""
    given = _Given(pairs, ITEM_PARAMETERS)
    return _fields(given, declared)


def no_parameters(pairs: Pairs) -> None:
    """Refuse any parameter."""
    _Given(pairs, ())


class _Given:
    """The values of each parameter that was given, all of them known."""

    def __init__(self, pairs: Pairs, known: Sequence[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in known:
                hint = did_you_mean(name, known) if known else ""
                raise Problem(400, f'There is no parameter "{name[:80]}" here.{hint}')
            self._values.setdefault(name, []).append(value)

    def has(self, name: str) -> bool:
        """Return whether a parameter was given."""
        return name in self._values

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter."""
        return self._values.get(name, [])

    def one(self, name: str) -> str | None:
        """Return the only value of a parameter, or None."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise _wrong(name, "it is given more than once")
        return values[0]

    def read(self, name: str, reader: Callable[[str], T], default: T) -> T:
        """Return a parameter's value as its reader has it."""
        text = self.one(name)
        if text is None:
            return default
        try:
            return reader(text)
        except ValueError as reason:
            raise _wrong(name, str(reason)) from None


def _wrong(name: str, reason: str) -> Problem:
    end = "" if reason.endswith((".", "?")) else "."
    return Problem(400, f'The parameter "{name}" is invalid: {reason}{end}')


def _limit(given: _Given, declared: Declared) -> int:
    if given.has("limit") and given.has("count"):
        raise _wrong("count", "it is another name for limit; give one of them")
    name = "count" if given.has("count") else "limit"
    asked = given.read(name, _positive, declared.page_size)
    return min(asked, declared.max_page_size)


def _positive(text: str) -> int:
    if not re.fullmatch(r"\d{1,4000}", text, re.ASCII) or int(text) < 1:
        raise ValueError("it takes a whole number of at least 1")
    return int(text)


def _times(text: str) -> bool:
    if text not in ("rfc3339", "millis"):
        raise ValueError("it is rfc3339 or millis")
    return text == "rfc3339"


def _order(text: str) -> Literal["newest", "oldest"]:
    if text == "newest":
        return "newest"
    if text == "oldest":
        return "oldest"
    raise ValueError("it takes newest or oldest")


def _true(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("it takes true or false")
    return text == "true"


def _wait(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        raise ValueError("it takes a number of seconds")
    return min(float(text), MAX_WAIT)


def _tick(text: str) -> int:
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise ValueError("it takes a whole number, as the link had it")
    return int(text)


def _fields(given: _Given, declared: Declared) -> tuple[str, ...] | None:
    """Return the names in ``fields``, which may be repeated; None where it is not given."""
    if not given.has("fields"):
        return None
    names = [name for text in given.all("fields") for name in text.split(",")]
    for name in names:
        if name not in declared.fields:
            hint = did_you_mean(name, declared.fields)
            raise _wrong("fields", f'there is no field "{name[:80]}".{hint}')
    return tuple(dict.fromkeys(names))


def _where(given: _Given, declared: Declared) -> tuple[FieldCondition, ...]:
    conditions: list[FieldCondition] = []
    for name, each in declared.filters.items():
        if given.has(name):
            try:
                conditions += each.conditions(given.all(name))
            except ValueError as reason:
                raise _wrong(name, str(reason)) from None
    return tuple(conditions)
