"""HTML pages of a stream for browsers; all other clients get JSON.

Rules:

- A client gets JSON unless its ``Accept`` header names HTML and prefers it to JSON.
- Everything is escaped, and nothing is loaded from elsewhere: the one style and the one script
  stand in the page and are named by their digests, so that a browser runs no other
  (https://www.w3.org/TR/CSP3/).
- A form sends its empty inputs, too; such a request is redirected to the same URL without them.

Jinja2 is imported when the first page is made.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from brubeck import green
from brubeck.http import Headers, Problem, Response
from brubeck.http.media import best_match
from brubeck.http.problems import MEDIA_TYPE as PROBLEM
from brubeck.storage import Record
from brubeck.streams.context import Context
from brubeck.streams.entries import plain
from brubeck.streams.filters import Filter
from brubeck.streams.pages import PageView
from brubeck.streams.paths import is_key
from brubeck.streams.projection import columns, members, projection
from brubeck.timekeeping import EARLIEST, LATEST, millis_to_rfc3339

MEDIA_TYPE: Final = "text/html"
CONTENT_TYPE: Final = f"{MEDIA_TYPE}; charset=utf-8"
LONGEST_CELL: Final = 200
"""How many characters of a value a table shows; the item's own page shows all."""

_FILES: Final = Path(__file__).with_name("html")
# No blanks, and none of what browsers or Python take for one: the page's script has the same.
_URL: Final = re.compile(
    r"https?://[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]+"
)
_SIGNS: Final = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "in": "is any of"}
_TIME: Final = "2026-01-31T12:00:00Z"
_HINTS: Final = {"datetime": _TIME, "milliseconds": _TIME}


class Cell(msgspec.Struct, frozen=True):
    """One value as it is shown: as text, of a kind, perhaps leading somewhere."""

    text: str
    kind: str = "text"
    href: str = ""


class Input(msgspec.Struct, frozen=True):
    """One parameter in the form, with an input for each of its values."""

    name: str
    label: str
    values: list[str]
    choices: list[str] = []
    hint: str | None = None


def wants_page(accept: str | None) -> bool:
    """Return whether a problem is to be shown as a page.

    >>> wants_page('text/html,application/xml;q=0.9,*/*;q=0.8'), wants_page('*/*'), wants_page(None)
    (True, False, False)
    """
    return best_match(accept, (PROBLEM, "application/json", MEDIA_TYPE)) == MEDIA_TYPE


def tidied(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]] | None:
    """Return the parameters with a value, or None when all have one."""
    kept = [pair for pair in pairs if pair[1]]
    return None if len(kept) == len(pairs) else kept


def headers_of(headers: Headers) -> Headers:
    """Add to the headers of an answer those that a page has."""
    headers["Content-Type"] = CONTENT_TYPE
    headers["Content-Security-Policy"] = _policy()
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Content-Type-Options"] = "nosniff"
    return headers


def page(context: Context, view: PageView) -> bytes:
    """Return a page of the timeline."""
    plan, spec = view.plan, context.spec
    parameters = plan.parameters
    fields = spec.model._fields
    kinds = {name: fields[name].kind for name in columns(parameters.fields, fields, spec.hidden)}
    newest = parameters.order == "newest"
    # What happens now belongs at the top of the newest page, and nowhere else.
    bounds = (plan.query.start, parameters.since, parameters.until)
    live = newest and bounds == (None, None, None)
    shown = {
        "here": plan.here,
        "inputs": list(_inputs(context, view)),
        "fields": ",".join(parameters.fields or ()),
        "previous": view.links.previous,
        "next": view.links.next,
        "back": "Newer" if newest else "Older",
        "onward": "Older" if newest else "Newer",
        "total": _total(view),
        "changes": plan.changes(view.page) if live else "",
        "columns": [{"name": name, "kind": kind} for name, kind in kinds.items()],
        "rows": [_row(context, view, record, kinds) for record in green.fairly(view.records)],
    }
    return _rendered(context, context.base, page=shown)


def item(context: Context, record: Record, fields: tuple[str, ...] | None) -> bytes:
    """Return the page of an item."""
    shown = members(projection(fields, context.spec.hidden)(record.body))
    known = context.spec.model._fields
    cells = [
        (name, _cell(_shallow(value), known[name].kind if name in known else ""))
        for name, value in shown.items()
    ]
    return _rendered(context, context.base, record.id, item=cells)


def problem_page(context: Context, problem: Problem, response: Response) -> Response:
    """Return the response of a problem as a page."""
    # A partition that cannot be has no page that one could go back to.
    at_home = not context.spec.path.partition or is_key(context.partition)
    heading = f"{problem.status} {problem.title}"
    body = _rendered(context, context.base if at_home else "", heading, problem=problem)
    return Response(body, problem.status, headers=headers_of(response.headers))


def _inputs(context: Context, view: PageView) -> Iterator[Input]:
    given: dict[str, list[str]] = {}
    for name, value in context.request.query_pairs:
        given.setdefault(name, []).append(value)
    for each in context.spec.parameters.filters.values():
        values = given.get(each.parameter, [])
        if each.operator == "in" or not values:
            values = [*values, ""]  # one more to fill in
        label = f"{each.field} {_SIGNS.get(each.operator, '')}".strip()
        yield Input(each.parameter, label, values, _choices(context, each), _HINTS.get(each.kind))
    for name in ("since", "until"):
        yield Input(name, name, given.get(name, [""]), hint=_TIME)
    yield Input("limit", "limit", [str(view.plan.parameters.limit)])
    yield Input("order", "order", [view.plan.parameters.order], ["newest", "oldest"])


def _choices(context: Context, each: Filter) -> list[str]:
    if each.kind == "boolean":
        return ["true", "false"]
    choices = context.spec.model._fields[each.field].choices
    return [plain(choice) for choice in choices] if isinstance(choices, list | tuple) else []


def _total(view: PageView) -> str:
    if view.total is None:
        return ""
    return f"{view.total.total}{'' if view.total.exact else ' or more'}"


def _row(
    context: Context, view: PageView, record: Record, kinds: Mapping[str, str]
) -> dict[str, Any]:
    shown = members(view.plan.projection(record.body))
    cells = [_cut(_cell(_shallow(shown.get(name)), kind)) for name, kind in kinds.items()]
    names = list(kinds)
    if "id" in names:
        at = names.index("id")
        cells[at] = Cell(record.id, href=f"{context.base}/{record.id}")
    return {"id": record.id, "at": record.created_at, "cells": cells}


def _shallow(raw: msgspec.Raw | None) -> object:
    """Return a value of an item; an object or a list as its JSON, which is how it is shown."""
    value = b"null" if raw is None else bytes(raw)
    return value.decode() if value[:1] in (b"[", b"{") else msgspec.json.decode(value)


def _cell(value: object, kind: str) -> Cell:
    """Return the table cell of a value; the page's script formats later values in the same way."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = plain(value)
        return Cell(text, href=text if _URL.fullmatch(text) else "")
    if kind == "milliseconds" and isinstance(value, int) and EARLIEST <= value <= LATEST:
        return Cell(millis_to_rfc3339(value), "time")
    return Cell(plain(value), "number")


def _cut(cell: Cell) -> Cell:
    if len(cell.text) <= LONGEST_CELL:
        return cell
    return msgspec.structs.replace(cell, text=f"{cell.text[: LONGEST_CELL - 1]}…")


def _rendered(context: Context, home: str, heading: str = "", **shown: object) -> bytes:
    title = context.spec.title or home or "Brubeck"
    known: dict[str, object] = {"page": None, "item": None, "problem": None}
    text: str = _template().render(
        known | shown, home=home, title=title, heading=heading or title, **_inline()
    )
    return text.encode()


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_FILES),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("stream.html")


@cache
def _inline() -> dict[str, Any]:
    """Return the style and the script, which are the project's own and so need no escaping."""
    from markupsafe import Markup

    return {
        "style": Markup((_FILES / "stream.css").read_text()),  # noqa: S704
        "script": Markup((_FILES / "stream.js").read_text()),  # noqa: S704
    }


@cache
def _policy() -> str:
    style, script = (_digest(text) for text in _inline().values())
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
