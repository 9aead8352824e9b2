"""Document classes and fields as JSON Schema, draft 2020-12.

A class that embeds itself is referred to by its ``$id``, a URN, so that its schema may be put
anywhere in another one. What a field cannot say in JSON Schema (a ``validation`` callable, the
order of a list) is left out: the schema is never stricter than the class, but for an optional
text, which may also be empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brubeck.dictshield.structs import compiled_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.field import BaseField


def document_schema(
    document: Any, names: Iterable[str] | None, above: tuple[type, ...]
) -> dict[str, Any]:
    """Return the schema of a document class that is embedded in those ``above``."""
    compiled: Compiled = document.__compiled__
    if names is None:
        public = document._public_fields  # noqa: SLF001 - DictShield's name
        names = compiled.fields if public is None else public
    shown = [compiled.fields[name] for name in names if name in compiled.fields]
    schema: dict[str, Any] = {"type": "object", "title": document.__name__}
    if _embeds_itself(compiled, compiled, ()):
        schema["$id"] = _urn(document)
    schema["properties"] = {
        field.uniq_field: field_schema(field, (*above, document)) for field in shown
    }
    required = [field.uniq_field for field in shown if field.required and not field.has_default]
    return {**schema, "required": required} if required else schema


def field_schema(field: BaseField[Any], above: tuple[type, ...]) -> dict[str, Any]:
    """Return the schema of a field in documents of the classes ``above``."""
    child = compiled_of(field)
    if child is not None:
        if child.document in above:
            return {"$ref": _urn(child.document)}
        return document_schema(child.document, None, above)
    schema = field.schema_terms()
    if field.item_field is not None:
        schema["items"] = field_schema(field.item_field, above)
    return {**schema, **field.schema_notes()}


def _urn(document: type) -> str:
    return f"urn:dictshield:{document.__module__}.{document.__qualname__}".replace("<locals>", "-")


def _embeds_itself(compiled: Compiled, wanted: Compiled, above: tuple[Compiled, ...]) -> bool:
    for _, child in compiled.parts():
        if child is wanted:
            return True
        if child and child not in above and _embeds_itself(child, wanted, (*above, compiled)):
            return True
    return False
