"""JSON Schema to document classes: the schemas that `schema` and DictShield 0.4 write.

A schema may come from anywhere, so every fault in it is an `InvalidShield`. Keywords that no field
has an option for are passed over.
"""

from __future__ import annotations

import keyword
import re
from typing import Any, Final, TypeVar

from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.field import BaseField, DictFieldNotFound, dictshield_fields

C = TypeVar("C")

schema_kwargs_to_dictshield: Final = {
    "maxLength": "max_length",
    "minLength": "min_length",
    "pattern": "regex",
    "minimum": "min_value",
    "maximum": "max_value",
    "default": "default",
    "description": "description",
    "enum": "choices",
}
"""The field option of each keyword."""
DEEPEST: Final = 32


def class_from_schema(base: type[C], schema: Any, depth: int = 0) -> type[C]:
    """Return a subclass of ``base`` with the fields that a schema describes."""
    if not isinstance(schema, dict) or not isinstance(schema.get("title"), str):
        raise InvalidShield("JSON Schema missing Document title")
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        raise InvalidShield("JSON schema missing one or more properties")
    required = schema.get("required")
    namespace: dict[str, Any] = {"__doc__": schema.get("description") or schema["title"]}
    for key, described in properties.items():
        field = field_from_schema(described, key, depth, schema.get("$id"))
        field.required = field.required or (isinstance(required, list) and key in required)
        namespace[_name(base, key, namespace)] = field
    maker: Any = type(base)
    try:
        made: type[C] = maker(schema["title"], (base,), namespace)
    except ValueError as reason:  # a NUL, or half a surrogate pair
        raise InvalidShield("This title cannot be the name of a class.") from reason
    return made


def _name(base: type, key: Any, taken: dict[str, Any]) -> str:
    """Return the attribute for a property: its own name where Python and the class let it."""
    if key in ("_id", "id"):
        return "id"
    name = re.sub(r"\W", "_", str(key))
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"_{name}"
    while name in taken or name in ("Meta", "_cls", "_types") or hasattr(base, name):
        name += "_"
    return name


def field_from_schema(
    schema: Any, key: str, depth: int = 0, itself: object = None
) -> BaseField[Any]:
    """Return the field that a schema describes, to be stored under ``key``.

    ``itself`` is the ``$id`` of the class in which the field stands.
    """
    if not isinstance(schema, dict) or depth > DEEPEST:
        raise DictFieldNotFound(f'The schema of "{key}" is no object, or nested too deeply.')
    kind, form = _type_of(schema), schema.get("format")
    if itself is not None and schema.get("$ref") == itself:
        made = _made(dictshield_fields["object", None], "self")
    else:
        made = _special(schema, kind, depth, itself) or _plain(schema, kind, form, key)
    made.uniq_field = str(key) if key else ""
    made.required = schema.get("required") is True
    return made


def _type_of(schema: dict[str, Any]) -> str:
    """Return the one type of a schema; null beside it only makes the value optional."""
    kind = schema.get("type", "any")
    kinds = [each for each in kind if each != "null"] if isinstance(kind, list) else [kind]
    return str(kinds[0]) if kinds else "any"


def _special(
    schema: dict[str, Any], kind: str, depth: int, itself: object
) -> BaseField[Any] | None:
    """Return the field of a list, an object or anything; None for the other kinds."""
    if kind == "any":
        return _with_options(BaseField, schema)
    if kind == "array":
        return _with_options(
            dictshield_fields["array", None], schema, _items(schema, depth, itself)
        )
    if kind != "object":
        return None
    if not schema.get("properties"):
        return _with_options(dictshield_fields["object", "free"], schema)
    embedding: Any = dictshield_fields["object", None]
    return _made(embedding, class_from_schema(embedding.embeddable, schema, depth + 1))


def _made(maker: Any, *arguments: Any, **options: Any) -> BaseField[Any]:
    made: BaseField[Any] = maker(*arguments, **options)
    return made


def _items(schema: dict[str, Any], depth: int, itself: object) -> list[BaseField[Any]]:
    items = schema.get("items", [])
    if isinstance(items, dict):
        items = items.get("anyOf", [items]) if "type" not in items else [items]
    if not isinstance(items, list):
        raise DictFieldNotFound("The items of an array must be a schema or a list of schemas.")
    return [field_from_schema(item, "", depth + 1, itself) for item in items]


def _plain(schema: dict[str, Any], kind: str, form: object, key: str) -> BaseField[Any]:
    found = dictshield_fields.get((kind, form if isinstance(form, str) else None))
    found = found or dictshield_fields.get((kind, None))
    if found is None:
        raise DictFieldNotFound(f'No field stands for "{key}", of type {kind}.')
    return _with_options(found, schema)


def _with_options(
    field: type[BaseField[Any]], schema: dict[str, Any], *arguments: Any
) -> BaseField[Any]:
    given = {
        schema_kwargs_to_dictshield[word]: value
        for word, value in schema.items()
        if word in schema_kwargs_to_dictshield
    }
    pattern = given.get("regex")
    if pattern is not None and not isinstance(pattern, str):
        raise InvalidShield("A pattern must be text.")
    if pattern is not None and not pattern.startswith("^"):
        given["regex"] = rf"[\s\S]*?(?:{pattern})"
    made = _made(field, *arguments)
    if isinstance(given.get("choices"), list):
        given["choices"] = [made.adopt(choice) for choice in given["choices"]]
    known = {name: value for name, value in given.items() if name in vars(made)}
    return _made(field, *arguments, **known)
