"""The options that every field takes, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Container


class FieldOptions(TypedDict, total=False):
    """The options of every field; each field has further ones of its own.

    ``required``: a value must be there. ``default``: a value, or a callable without arguments that
    makes one. ``choices``: the only values allowed. ``validation``: a callable that returns
    whether it likes the value, or raises `ShieldException`. ``uniq_field``: the key in JSON and in
    a database. ``id_field``: this field is the document's id, under the key ``_id``.
    ``minimized_field_name``: a short key for shaped output. ``description``: for people.
    """

    uniq_field: str | None
    field_name: str | None
    required: bool
    default: Any
    id_field: bool
    validation: Callable[[Any], Any] | None
    choices: Container[Any] | None
    description: str | None
    minimized_field_name: str | None
