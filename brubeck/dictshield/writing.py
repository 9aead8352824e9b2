"""Documents to JSON: in one pass of C, but for the few values that want their field's own form."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec

from brubeck import green
from brubeck.dictshield.base import shown
from brubeck.dictshield.structs import compiled_of, is_struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from brubeck.dictshield.field import BaseField
    from brubeck.dictshield.structs import CompiledDocument, Struct


def write_unknown(value: Any) -> Any:
    """Return a value of unknown type as one that msgspec can write: of a document, an ObjectId.

    Raises `TypeError` for any other.
    """
    data = getattr(value, "__data__", None)
    if data is not None:
        return writable(value.__compiled__, data)
    if type(value).__name__ == "ObjectId":
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


encode = msgspec.json.Encoder(enc_hook=write_unknown).encode
"""Write a struct, a document or plain values as compact JSON."""


def as_text(
    data: Any, *, sort_keys: bool = False, hook: Callable[[Any], Any] = write_unknown
) -> str:
    """Return values, structs or documents as JSON text; ``hook`` is for other types."""
    order: Any = "sorted" if sort_keys else None
    return msgspec.json.encode(data, enc_hook=hook, order=order).decode()


def writable(compiled: CompiledDocument, data: Struct) -> Struct:
    """Return a struct in a form that msgspec writes as the fields want it."""
    if not compiled.needs_json:
        return data
    copied = copy.copy(data)
    for name, field in compiled.formed:
        value = getattr(data, name)
        if value is not None:
            setattr(copied, name, ready(field, value))
    return copied


def ready(field: BaseField[Any], value: Any) -> Any:
    """Return a native value as msgspec can write it."""
    child = compiled_of(field)
    if child is not None:
        if is_struct(value):
            return writable(child, value)
        data = getattr(value, "__data__", None)
        return value if data is None else writable(type(value).__compiled__, data)
    if field.needs_json:
        return shown(value, field.for_json)
    if field.kind != "list" or not isinstance(value, list | tuple):
        return value
    return [each_ready(field, item) for item in green.fairly(field.arranged(value))]


def each_ready(field: BaseField[Any], item: Any) -> Any:
    """Return an item of a list field's value as msgspec can write it."""
    part = field.item_field_for(item)
    return item if part is None else ready(part, item)
