"""Inputs of forms: one for each kind of field, for filters and for documents alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from brubeck.streams.context import Context
from brubeck.streams.entries import plain
from brubeck.streams.filters import BoxFilter, Filter

TIME: Final = "2026-01-31T12:00:00Z"
"""The hint of an input for a time."""
BOX: Final = "west,south,east,north"
"""The hint of an input for a box."""
BOX_TITLE: Final = "Degrees, such as -125,32,-114,42. A west greater than its east crosses 180°."
SIGNS: Final = {
    "eq": "",
    "gt": ">",
    "gte": "≥",
    "lt": "<",
    "lte": "≤",
    "in": "is any of",
    "within": "",
}

_TIMES: Final = frozenset(("datetime", "milliseconds"))


class Input(msgspec.Struct, frozen=True):
    """An input with its label: a select where there are choices, or one of the given type."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    choices: list[str] = []
    hint: str = ""
    title: str = ""
    step: str = ""
    least: str = ""
    most: str = ""


def filter_inputs(context: Context) -> Iterator[Input]:
    """Yield the inputs of a stream's filters and bounds, filled in with the request's values."""
    given: dict[str, list[str]] = {}
    for name, value in context.request.query_pairs:
        given.setdefault(name, []).append(value)
    fields = context.spec.model._fields
    for each in context.spec.parameters.filters.values():
        values = given.get(each.parameter, [])
        if each.operator == "in" or not values:
            values = [*values, ""]  # one more to fill in
        for value in values:
            yield _filter_input(each, fields.get(each.field), value)
    for name, title in (("since", "Not before this time."), ("until", "Before this time.")):
        yield Input(name, name, given.get(name, [""])[0], hint=TIME, title=title)


def _filter_input(each: Filter, field: Any, value: str) -> Input:
    if isinstance(each, BoxFilter):
        return Input(each.parameter, "bounding box", value, hint=BOX, title=BOX_TITLE)
    label = f"{_words(each.field)} {SIGNS[each.operator]}".strip()
    attributes = input_attributes(field) if field.kind not in ("list", "object") else {}
    if each.kind == "string" and attributes.get("kind") == "number":
        attributes = {}
    title = getattr(field, "description", None) or ""
    return Input(each.parameter, label, value, title=title, **attributes)


def input_attributes(field: Any) -> dict[str, Any]:
    """Return the type, choices and bounds of the input for a field."""
    if field.kind == "boolean":
        return {"choices": ["true", "false"]}
    if isinstance(field.choices, list | tuple) and field.choices:
        return {"choices": [plain(choice) for choice in field.choices]}
    if field.kind in _TIMES:
        return {"hint": TIME}
    if field.kind in ("integer", "number"):
        names = {"least": "min_value", "most": "max_value"}
        bounds = {name: getattr(field, bound, None) for name, bound in names.items()}
        known = {name: plain(bound) for name, bound in bounds.items() if bound is not None}
        return {"kind": "number", "step": "1" if field.kind == "integer" else "any", **known}
    return {}


def _words(name: str) -> str:
    return name.replace("_", " ")
