"""The JSON Schema of a document class, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from brubeck.dictshield.schema_reading import class_from_schema, field_from_schema
from brubeck.dictshield.schema_writing import document_schema
from brubeck.dictshield.writing import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.field import BaseField

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Described:
    """A document class's description in JSON Schema."""

    __slots__ = ()
    __compiled__: ClassVar[Compiled]

    @classmethod
    def for_jsonschema(cls, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """Return the class as a JSON Schema: these fields, or the public ones, or all."""
        return document_schema(cls, fields, ())

    @classmethod
    def to_jsonschema(cls) -> str:
        """Return the class as the text of a JSON Schema that stands for itself."""
        return as_text({"$schema": DIALECT, **cls.for_jsonschema()})

    @classmethod
    def from_jsonschema(cls, schema: dict[str, Any]) -> type[Self]:
        """Return a new document class that a JSON Schema describes, named by its ``title``.

        What DictShield emitted is read as well. Raises `InvalidShield` for a schema without a
        title or without properties, `DictFieldNotFound` for a type that no field stands for.
        """
        return class_from_schema(cls, schema)

    @classmethod
    def map_jsonschema_field_to_dictshield(
        cls, schema_field: dict[str, Any], field_name: str | None = None
    ) -> BaseField[Any] | None:
        """Return the field that a JSON Schema describes; None for one without a type."""
        if "type" not in schema_field:
            return None
        return field_from_schema(schema_field, field_name or "")
