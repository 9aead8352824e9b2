"""A field as JSON Schema, draft 2020-12."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brubeck.dictshield.base import shown

if TYPE_CHECKING:
    from collections.abc import Container


class SchemaWriter:
    """The part of a field that describes its values; `BaseField` has the rest."""

    field_name: str
    description: str | None
    default: Any
    example: Any
    choices: Container[Any] | None
    item_field: Any

    def adopt(self, value: Any) -> Any:
        """Return a value as the field holds it."""
        raise NotImplementedError

    def for_json(self, value: Any) -> Any:
        """Return a native value as JSON has it."""
        raise NotImplementedError

    def for_jsonschema(self) -> dict[str, Any]:
        """Return the field as a JSON Schema (2020-12)."""
        return self.schema_within(())

    def schema_within(self, above: tuple[type, ...]) -> dict[str, Any]:
        """Return the schema of the field in a document of the last of the classes ``above``.

        Each of them embeds the next one, so that one of them that comes again is only referred to.
        """
        schema = self.schema_terms()
        if self.item_field is not None:
            schema["items"] = self.item_field.schema_within(above)
        return {**schema, **self.schema_notes()}

    def schema_terms(self) -> dict[str, Any]:
        """Return the JSON Schema keywords that describe a value."""
        return {}

    def schema_notes(self) -> dict[str, Any]:
        """Return the keywords that every field may have."""
        notes: dict[str, Any] = {}
        if self.field_name:
            notes["title"] = self.field_name
        if self.description is not None:
            notes["description"] = self.description
        if self.default is not None and not callable(self.default):
            notes["default"] = shown(self.adopt(self.default), self.for_json)
        if self.example is not None:
            notes["examples"] = [shown(self.adopt(self.example), self.for_json)]
        if isinstance(self.choices, list | tuple | set | frozenset):
            notes["enum"] = [shown(self.adopt(choice), self.for_json) for choice in self.choices]
        return notes
