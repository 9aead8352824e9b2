"""Lists with items of several kinds: which of them C can read, and items that nobody has read yet.

An item belongs to the first of its field's kinds that takes it. In Python that is a trial of each
kind for each item. Where the JSON types of the kinds differ there is nothing to try: msgspec reads
such a list as it reads any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from brubeck.dictshield.base import REFUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brubeck.dictshield.field import BaseField


_JSON_TYPES: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
}
"""The JSON type of the kinds of plain values."""


class Unread(list[Any]):
    """Items as they were decoded; ``field`` makes them native values when the list is read."""

    def __init__(self, items: list[Any], field: Any) -> None:
        super().__init__(items)
        self._field = field

    def native(self) -> list[Any]:
        """Return the list of native values."""
        native: list[Any] = self._field.native_items(self)
        return native


def alternatives(field: BaseField[Any]) -> Sequence[BaseField[Any]]:
    """Return the kinds of a list's items, if the JSON type of an item says for which kind it is.

    That is so for at most one class of documents, and one kind of each type of plain values that
    needs no check in Python. Any other list, and any other field, has none.
    """
    kinds: Sequence[BaseField[Any]] = getattr(field, "fields", ())
    if field.kind != "list" or field.item_field is not None or _is_checked(field):
        return ()
    types = {_json_type(kind) for kind in kinds}
    return () if None in types or len(types) < len(kinds) else kinds


def document_kind(kinds: Sequence[BaseField[Any]]) -> BaseField[Any] | None:
    """Return the first kind of items that are documents, if there is any."""
    return next((kind for kind in kinds if kind.embedded_type is not None), None)


class Kinds:
    """The kinds of a list's items, by what may be tried for an item."""

    def __init__(self, fields: Sequence[BaseField[Any]]) -> None:
        types = [_json_type(field) for field in fields]
        pairs = list(zip(fields, types, strict=True))
        self.of_objects = [field for field, kind in pairs if kind in (None, "object")]
        """The kinds that may take an object."""
        self.of_others = [field for field, kind in pairs if kind != "object"]
        """The kinds that may take any other value."""
        self._documents: list[Any] = []
        for field in self.of_objects:
            child = None if field.embedded_type is None else field.embedded_type.__compiled__
            if child is None or _is_checked(field) or child.unbounded:
                break  # the kinds behind it have to wait for what it says
            self._documents.append(child)

    def read_whole(self, item: dict[str, Any]) -> Any:
        """Return an object as a document of the first class that has all its members, read by C.

        None where that cannot be said without trying each kind in its turn.
        """
        for child in self._documents:
            if item.keys() <= child.keys.keys():
                try:
                    return child.take_refusing(item)
                except REFUSED:
                    return None
        return None


def _is_checked(field: BaseField[Any]) -> bool:
    """Return whether the program has checks of its own for the values of a field."""
    return field.own_validate or field.choices is not None or field.validation is not None


def _json_type(field: BaseField[Any]) -> str | None:
    """Return the JSON type of a kind of items; None where C does not know all its rules."""
    if field.embedded_type is not None:
        return None if _is_checked(field) else "object"
    return None if field.needs_check or not field.typed_in_c else _JSON_TYPES.get(field.kind)
