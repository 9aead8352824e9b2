"""Forms of a document: an input for each field that the caller may set, and back to JSON.

A text is a field's value as a person writes it: numbers and times in words, lists and objects as
JSON. A field that was left as it was is not written, so that its stored bytes stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

import msgspec

from brubeck.canonical import MAX_BYTES
from brubeck.dictshield.fields import DecimalField, URLField
from brubeck.explorer.columns import known_columns
from brubeck.explorer.inputs import Input, input_attributes
from brubeck.http import Problem
from brubeck.streams.entries import plain
from brubeck.streams.projection import members
from brubeck.streams.spec import StreamSpec
from brubeck.timekeeping import EARLIEST, LATEST, millis_to_rfc3339

PREFIX: Final = "item."
"""The beginning of the names of inputs for fields; the others are about the form itself."""
LONGEST_LINE: Final = 200
"""The maximal length of a text that has an input of one line."""
LARGEST: Final = 65_536
"""The maximal size of an item that is edited in a form, in bytes."""

_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_JSON_HINTS: Final = {"list": "[…]", "object": "{…}", "any": "JSON"}
_NUMBERS: Final = frozenset(("integer", "number", "milliseconds"))


class FormField(msgspec.Struct, frozen=True):
    """An input of the form, the field's description, and the error in its value."""

    input: Input
    description: str
    required: bool
    error: str


def form_fields(
    spec: StreamSpec,
    texts: Mapping[str, str],
    errors: Sequence[tuple[str, str]] = (),
    *,
    new: bool,
) -> list[FormField]:
    """Return the inputs of the form for a new item, or for the next version of one."""
    by_name: dict[str, list[str]] = {}
    for pointer, detail in errors:
        by_name.setdefault(_field_of(pointer), []).append(detail)
    fields = spec.model._fields
    return [
        FormField(
            _input(name, fields[name], texts.get(name, "")),
            getattr(fields[name], "description", None) or "",
            bool(fields[name].required and fields[name].default is None),
            " ".join(by_name.get(name, ())),
        )
        for name in editable(spec, new=new)
    ]


def other_errors(spec: StreamSpec, errors: Sequence[tuple[str, str]], *, new: bool) -> list[str]:
    """Return the errors that belong to no input of the form."""
    names = editable(spec, new=new)
    return [
        f"{pointer} {detail}".strip()
        for pointer, detail in errors
        if _field_of(pointer) not in names
    ]


def editable(spec: StreamSpec, *, new: bool) -> list[str]:
    """Return the names of the fields that a caller may set."""
    fixed = {"updated_at", *spec.set_by_server}
    if not new or spec.rules.owned:
        fixed.add("id")
    if not (new and spec.accept_created_at):
        fixed.add("created_at")
    return [name for name in known_columns(spec) if name not in fixed]


def texts_of(spec: StreamSpec, body: bytes) -> dict[str, str]:
    """Return the text of each field of a stored item."""
    fields = spec.model._fields
    return {
        name: _text(bytes(raw), fields[name])
        for name, raw in members(body).items()
        if name in fields
    }


def given_texts(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the texts that a form sent, with line ends as they are in JSON."""
    return {
        name.removeprefix(PREFIX): _as_given(value)
        for name, value in pairs
        if name.startswith(PREFIX)
    }


def changes_of(
    spec: StreamSpec, texts: Mapping[str, str], stored: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Return the members that a form sets; None removes one. Without ``stored``, of a new item.

    Raises a `Problem` (422) for a list or an object that is not written in JSON.
    """
    size = sum(map(len, texts.values()))
    if size > MAX_BYTES:
        raise Problem(413, f"An item has at most {MAX_BYTES} bytes; the form has {size}.")
    changes: dict[str, object] = {}
    errors = []
    for name in editable(spec, new=stored is None):
        text = texts.get(name)
        before = "" if stored is None else _as_given(stored.get(name, ""))
        if text is None or text == before:
            continue
        try:
            changes[name] = _value(text, spec.model._fields[name]) if text else None
        except (ValueError, RecursionError) as reason:
            errors.append((f"/{name}", f"This is not JSON: {reason}."))
    if errors:
        raise Problem(422, "The document is not valid.", errors=errors)
    return changes


def compared(
    spec: StreamSpec, stored: Mapping[str, str], texts: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the stored and the given text of each field in which they differ."""
    for name in editable(spec, new=False):
        given, now = texts.get(name, ""), _as_given(stored.get(name, ""))
        if given != now:
            yield name, now, given


def _as_given(text: str) -> str:
    """Return a text with the line ends that it has after its way through a form."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _field_of(pointer: str) -> str:
    name = pointer.removeprefix("/").partition("/")[0]
    return name.replace("~1", "/").replace("~0", "~")


def _input(name: str, field: Any, text: str) -> Input:
    attributes = input_attributes(field)
    if attributes.get("choices"):
        attributes["kind"] = "choice"
    elif field.kind in _JSON_HINTS:
        attributes = {"kind": "lines", "hint": _JSON_HINTS[field.kind]}
    elif isinstance(field, DecimalField):
        attributes = {}
    elif isinstance(field, URLField):
        attributes = {"kind": "url", "hint": "https://…"}
    elif field.kind == "string":
        most = getattr(field, "max_length", None)
        long = len(text) > LONGEST_LINE or "\n" in text or "\r" in text
        if long or most is None or most > LONGEST_LINE:
            attributes["kind"] = "lines"
    return Input(f"{PREFIX}{name}", name, text, **attributes)


def indented(json: bytes) -> str:
    """Return JSON for people: indented if it is short, for the depth of a long one multiplies it.

    Of a long one that is the beginning.
    """
    if len(json) <= LARGEST // 8:
        return msgspec.json.format(json, indent=2).decode()
    if len(json) <= LARGEST:
        return json.decode()
    return json[:LARGEST].decode(errors="ignore") + "…"


def _text(json: bytes, field: Any) -> str:
    if json[:1] in (b"[", b"{"):
        return indented(json)
    value = msgspec.json.decode(json)
    if isinstance(value, str):
        return json.decode() if field.kind == "any" else value
    if field.kind == "milliseconds" and type(value) is int and EARLIEST <= value <= LATEST:
        return millis_to_rfc3339(value)
    return "" if value is None else json.decode()


def _value(text: str, field: Any) -> object:
    """Return the value that a text means; one that means none goes as text, to be refused."""
    if isinstance(field.choices, list | tuple):
        return next((each for each in field.choices if _as_given(plain(each)) == text), text)
    if field.kind in _JSON_HINTS:
        msgspec.json.decode(text)
        return msgspec.Raw(text.encode())
    if isinstance(field, DecimalField):
        return text
    if field.kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    is_number = field.kind in _NUMBERS and _NUMBER.fullmatch(text.strip())
    # A number beyond all floats is no JSON that can be read, and would be refused with the page.
    return msgspec.Raw(text.strip().encode()) if is_number and isfinite(float(text)) else text
