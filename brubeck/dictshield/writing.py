"""Documents to JSON: in one pass of C, but for the few values that want their field's own form."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.structs import compiled_of, is_struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from brubeck.dictshield.base import ShieldException
    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.field import BaseField
from brubeck.dictshield.structs import Struct


def write_unknown(value: Any) -> Any:
    """Return what msgspec can write of a value it does not know: a document, an ObjectId."""
    data = getattr(value, "__data__", None)
    if data is not None:
        return data
    if type(value).__name__ == "ObjectId":
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


encode = msgspec.json.Encoder(enc_hook=write_unknown).encode
"""Write a struct, a document or plain values as compact JSON."""


def as_text(data: Any, *, sort_keys: bool = False) -> str:
    """Return values, structs or documents as JSON text."""
    if sort_keys:
        return msgspec.json.encode(data, enc_hook=write_unknown, order="sorted").decode()
    return encode(data).decode()


def writable(compiled: Compiled, data: Struct) -> Struct:
    """Return a struct in a form that msgspec writes as the fields want it."""
    if not compiled.needs_json:
        return data
    ready = copy.copy(data)
    for name, field in compiled.fields.items():
        value = getattr(data, name)
        if value is not None:
            setattr(ready, name, _ready(field, value))
    return ready


def _ready(field: BaseField[Any], value: Any) -> Any:
    """Return a native value as msgspec can write it."""
    child = compiled_of(field)
    if child is not None:
        if is_struct(value):
            return writable(child, value)
        data = getattr(value, "__data__", None)
        return value if data is None else writable(type(value).__compiled__, data)
    if field.item_field is not None and not field.needs_json:
        return [_ready(field.item_field, item) for item in value]
    return shown(value, field.for_json) if field.needs_json else value


def shown(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Return a native value converted; one that never was native, as stored ones may be, as is."""
    try:
        return convert(value)
    except (AttributeError, LookupError, TypeError, ValueError, ShieldException):
        return value
