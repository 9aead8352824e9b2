"""The parameters of a stream's requests as OpenAPI has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from brubeck.description.components import Schema
from brubeck.description.schemas import DATE_TIME, ID_PATTERN, ID_SCHEMA, MILLIS
from brubeck.streams.cursors import CHANGE
from brubeck.streams.filters import BoxFilter, Filter
from brubeck.streams.idempotency import KEY
from brubeck.streams.items import MAX_IDS
from brubeck.streams.parameters import MAX_WAIT, Declared
from brubeck.timekeeping import EARLIEST, LATEST

_ID: Final = ID_PATTERN.strip("^$").replace("(?!changes$)", "")
_TIME: Final[Schema] = {"anyOf": [MILLIS, DATE_TIME]}
_ENDS: Final[Schema] = {"type": "integer", "minimum": EARLIEST - 1, "maximum": LATEST + 1}
"""The range of a bare cursor: one millisecond past either end, too."""
_TIMES: Final = "Milliseconds since the epoch, or RFC 3339."
_KINDS: Final[dict[str, Schema]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "datetime": _TIME,
    "milliseconds": _TIME,
}
_OPERATORS: Final = {
    "eq": "is this",
    "gt": "is more than this",
    "gte": "is at least this",
    "lt": "is less than this",
    "lte": "is at most this",
    "in": "is one of these",
}


_BOX: Final = (
    "Only items with a position in this box, edges included: west, south, east, north, in degrees "
    "(WGS 84). A west greater than its east reaches across the antimeridian. Six numbers have the "
    "least height after south and the greatest after north, where items have heights."
)


def in_query(name: str, schema: Schema, text: str, **more: Any) -> Schema:
    """Return a parameter of the query."""
    return {"name": name, "in": "query", "description": text, "schema": schema, **more}


def in_header(name: str, schema: Schema, text: str) -> Schema:
    """Return a request header."""
    return {"name": name, "in": "header", "description": text, "schema": schema}


def in_path(name: str, schema: Schema, text: str) -> Schema:
    """Return an argument of the path."""
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


IF_MATCH: Final = in_header(
    "If-Match", {"type": "string"}, "Only if the item is at one of these entity tags, else 412."
)
IF_NONE_MATCH: Final = in_header(
    "If-None-Match", {"type": "string"}, "Entity tags that the caller has: 304 if one is current."
)
UNLESS_MATCH: Final = in_header(
    "If-None-Match", {"type": "string"}, "Only if the item is at none of these, else 412; or `*`."
)
IDEMPOTENCY_KEY: Final = in_header(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^(?:{KEY.pattern})$"},
    "Names this request: a retry with the same key is not executed again (for a day).",
)
LAST_EVENT_ID: Final = in_header(
    "Last-Event-ID",
    {"type": "string"},
    "For server-sent events: the id of the last event that was read; overrides `after`.",
)
ID: Final = in_path("id", ID_SCHEMA, "The id of the item.")
IDS: Final = in_path(
    "id",
    {"type": "string", "pattern": f"{ID_PATTERN[:-1]}(?:,{_ID}){{0,{MAX_IDS - 1}}}$"},
    f"The id of the item; or those of several, at most {MAX_IDS}, with commas.",
)


def partition(name: str) -> Schema:
    """Return the argument of a path that names a partition."""
    schema = {"type": "string", "pattern": ID_PATTERN}
    return in_path(name, schema, "The partition: each value has a separate stream.")


def of_page(declared: Declared) -> Iterator[Schema]:
    """Yield the parameters of a page of the timeline."""
    yield from _limits(declared)
    order = {"type": "string", "enum": ["newest", "oldest"], "default": "newest"}
    yield in_query("order", order, "The order of the page, and the direction of `next`.")
    cursor = {"anyOf": [_ENDS, DATE_TIME, {"type": "string", "pattern": f"^{_place()}$"}]}
    yield in_query("before", cursor, "A cursor or a time: the items before it. Not with `after`.")
    yield in_query("after", cursor, "A cursor or a time: the items after it. Not with `before`.")
    yield in_query("since", _TIME, f"Only items from then on. {_TIMES}")
    yield in_query("until", _TIME, f"Only items before then. {_TIMES}")
    yield fields(declared)
    yield in_query("total", {"type": "boolean"}, "Whether to count all items within the bounds.")
    yield from filters(declared)


def of_changes(declared: Declared) -> Iterator[Schema]:
    """Yield the parameters of changes."""
    yield from _limits(declared)
    place = {"anyOf": [{"const": "now"}, {"type": "string", "pattern": f"^{CHANGE.pattern}$"}]}
    yield in_query("after", place, "A change cursor, or `now`; by default from the beginning.")
    text = f"Seconds to wait for the first change, at most {MAX_WAIT:g}."
    yield in_query("wait", {"type": "number", "minimum": 0}, text)
    text = "The tick of the link to an empty page; it only makes the URLs of such pages differ."
    yield in_query("tick", {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}, text)
    yield fields(declared)
    yield from filters(declared)


def fields(declared: Declared) -> Schema:
    """Return the parameter that picks fields."""
    names = {"type": "string", "enum": sorted(declared.fields)}
    schema = {"type": "array", "items": names, "minItems": 1}
    text = "Only these fields, and the id."
    return in_query("fields", schema, text, style="form", explode=False)


def filters(declared: Declared) -> Iterator[Schema]:
    """Yield a parameter for each declared filter."""
    for name, each in declared.filters.items():
        yield _filter(name, each)


def _filter(name: str, each: Filter) -> Schema:
    if isinstance(each, BoxFilter):
        return in_query(name, _box_schema(each), _BOX, style="form", explode=False)
    schema = _KINDS[each.kind]
    text = f"Only items whose `{each.field}` {_OPERATORS[each.operator]}."
    if each.operator == "in":
        many = {"type": "array", "items": schema, "minItems": 1}
        return in_query(name, many, text, style="form", explode=True)
    return in_query(name, schema, text)


def _box_schema(each: BoxFilter) -> Schema:
    """Return the schema of a box: four numbers, or six where items have heights."""
    degrees: Schema = {"type": "number", "minimum": -180, "maximum": 180}
    four: Schema = {"type": "array", "items": degrees, "minItems": 4, "maxItems": 4}
    if not each.geometry.height:
        return four
    six: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 6, "maxItems": 6}
    return {"oneOf": [four, six]}


def _limits(declared: Declared) -> Iterator[Schema]:
    most = declared.max_page_size
    schema = {"type": "integer", "minimum": 1, "default": declared.page_size}
    yield in_query("limit", schema, f"How many items; more than {most} are {most}.")
    text = "Another name for `limit`; not with it."
    yield in_query("count", {"type": "integer", "minimum": 1}, text, deprecated=True)


def _place() -> str:
    return f"(?:{_up_to(LATEST)}|-{_up_to(-EARLIEST)})~{_ID}"


def _up_to(number: int) -> str:
    """Return an expression for the whole numbers from 0 to one, without leading zeros.

    >>> _up_to(253)
    '(?:[0-9]{1,2}|[0-1][0-9]{2}|2[0-4][0-9]{1}|25[0-3][0-9]{0})'
    """
    digits = str(number)
    ways = [f"[0-9]{{1,{len(digits) - 1}}}"] if len(digits) > 1 else []
    for at, digit in enumerate(digits):
        last = at == len(digits) - 1
        below = int(digit) if last else int(digit) - 1
        if below >= 0:
            ways.append(f"{digits[:at]}[0-{below}][0-9]{{{len(digits) - at - 1}}}")
    return f"(?:{'|'.join(ways)})"
