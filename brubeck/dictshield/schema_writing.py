"""Document classes and fields as JSON Schema, draft 2020-12.

A class that embeds itself is referred to by its ``$id``, a URN, so that its schema may be put
anywhere in another one. What a field cannot say in JSON Schema (a ``validation`` callable, the
order of a list) is left out: the schema is never stricter than the class, but for an optional
text, which may also be empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brubeck.dictshield.structs import CompiledDocument


def document_schema(
    document: Any, names: Iterable[str] | None, above: tuple[type, ...]
) -> dict[str, Any]:
    """Return the schema of a document class that is embedded in those ``above``."""
    compiled: CompiledDocument = document.__compiled__
    if names is None:
        public = document._public_fields  # noqa: SLF001 - DictShield's name
        names = compiled.fields if public is None else public
    shown = [compiled.fields[name] for name in names if name in compiled.fields]
    schema: dict[str, Any] = {"type": "object", "title": document.__name__}
    if _embeds_itself(compiled, compiled, ()):
        schema["$id"] = _urn(document)
    schema["properties"] = {
        field.uniq_field: field.schema_within((*above, document)) for field in shown
    }
    required = [field.uniq_field for field in shown if field.required and not field.has_default]
    return {**schema, "required": required} if required else schema


def embedded_schema(document: Any, above: tuple[type, ...]) -> dict[str, Any]:
    """Return the schema of a class that is embedded in those ``above``, or a reference to it."""
    if document in above:
        return {"$ref": _urn(document)}
    return document_schema(document, None, above)


def _urn(document: type) -> str:
    return f"urn:dictshield:{document.__module__}.{document.__qualname__}".replace("<locals>", "-")


def _embeds_itself(
    compiled: CompiledDocument, wanted: CompiledDocument, above: tuple[CompiledDocument, ...]
) -> bool:
    for _, child in compiled.parts():
        if child is wanted:
            return True
        if child and child not in above and _embeds_itself(child, wanted, (*above, compiled)):
            return True
    return False
