"""Private fields: those that callers neither see nor set (DictShield's permissions)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from brubeck.dictshield.base import ShieldDocException, ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.limits import MOST_FAULTS
from brubeck.dictshield.structure import NO_SUCH_FIELD
from brubeck.errors import ConfigError
from brubeck.streams.projection import members

D = TypeVar("D", bound=Document)


def hidden_fields(model: type[Document], kept: Iterable[str]) -> frozenset[str]:
    """Return the fields of a model that are for its owner or nobody (DictShield's permissions).

    Those that are ``kept`` are never among them.
    """
    public = model._public_fields  # noqa: SLF001, the names are DictShield's interface
    hidden = {*(model._private_fields or ()), *(model._internal_fields or ())}  # noqa: SLF001
    if public is not None:
        hidden |= set(model._fields) - set(public)
    return frozenset(hidden & set(model._fields) - set(kept))


def check_hidden_fields(model: type[Document], hidden: frozenset[str], owner: str) -> None:
    """Raise `ConfigError` for hidden fields that no stream could keep hidden, or ever have set.

    Callers can neither read nor write them. So a required one could never be given, and those of
    embedded documents, which go into answers as they are stored, would be shown.
    """
    for name, field in model._fields.items():
        if name in hidden and field.required and field.default is None:
            raise ConfigError(
                f"{owner}.model: the field {name} is private and required, and no caller can give "
                "it: give it a default."
            )
        if name not in hidden and any(_hides(each) for each in _embedded(field)):
            raise ConfigError(
                f"{owner}.model: the embedded document of {name} has private fields, which a "
                "stream would show: make the whole field private."
            )


def _embedded(field: Any) -> Iterator[type[Document]]:
    """Yield the document classes that a field's value may hold, at any depth, each once."""
    seen: set[Any] = set()
    waiting = [field]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or each is None:
            continue
        seen.add(id(each))
        if (model := getattr(each, "document_type", None)) is not None:
            yield model
            waiting += model._fields.values()
        inner = getattr(each, "fields", None) or getattr(each, "field", None) or ()
        waiting += inner if isinstance(inner, list | tuple) else [inner]


def _hides(model: type[Document]) -> bool:
    return bool(hidden_fields(model, ()))


def read_visible(model: type[D], body: bytes, hidden: frozenset[str], most: int = MOST_FAULTS) -> D:
    """Return the document of a JSON text in which a caller sets only fields that it can see.

    Any other is an unknown field. Raises `ShieldException` with every failing field.
    """
    if not hidden:
        return model.from_json(body, unknown="refuse", most=most)
    named = _named(model, body, hidden)
    faults = [ShieldException(NO_SUCH_FIELD, name, None) for name in sorted(named)]
    try:
        document = model.from_json(body, unknown="refuse", most=most)
    except ShieldException as reason:
        faults = [*_visible(reason, hidden), *faults]
        if not faults:
            raise
    if faults:
        raise ShieldDocException(model.__name__, faults)
    return document


def _visible(error: ShieldException, hidden: frozenset[str]) -> list[ShieldException]:
    """Return the errors of fields that are not hidden: others would tell their types."""
    return [
        ShieldException(reason, None, None, pointer=pointer)
        for pointer, reason in error.errors
        if pointer.partition("/")[2].partition("/")[0] not in hidden
    ]


def _named(model: type[Document], body: bytes, hidden: frozenset[str]) -> frozenset[str]:
    """Return the keys of hidden fields that a JSON object has; none where it is no object."""
    fields = [model._fields[name] for name in hidden]
    keys = {key for each in fields for key in (each.uniq_field, each.minimized_field_name) if key}
    try:
        return (hidden | keys) & members(body).keys()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return frozenset()
