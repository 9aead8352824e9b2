"""The JSON Schemas of requests and answers: of documents as they are read and as they are written.

A document in an answer may lack any field but the id: ``fields`` picks some, and an item may be
older than a field of its model. A document in a request has no unknown fields; its optional fields
may be null or an empty text, which both count as no value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from brubeck.description.components import CLASS, Schema
from brubeck.description.examples import example_of
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import MillisecondField
from brubeck.storage.ids import ID
from brubeck.timekeeping import EARLIEST, LATEST

ID_PATTERN: Final = f"^{ID.pattern}$"
"""The form of an id: that of `brubeck.storage.ids`, which no flag changes."""
ID_SCHEMA: Final[Schema] = {"type": "string", "pattern": ID_PATTERN}
POSITION: Final[Schema] = {
    "type": "integer",
    "format": "int64",
    "minimum": 0,
    "description": "A position in the change order, microseconds since the epoch.",
}
MILLIS: Final[Schema] = {"type": "integer", "minimum": EARLIEST, "maximum": LATEST}
_INT64: Final[Schema] = {"minimum": -(2**63), "maximum": 2**63 - 1}
_NOTES: Final = ("title", "description", "default", "examples")
DATE_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
LINK: Final[Schema] = {"type": ["string", "null"], "format": "uri-reference"}

PROBLEM: Final[Schema] = {
    "type": "object",
    "title": "Problem",
    "description": "An error (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "Every invalid field of a document.",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "format": "json-pointer"},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
        "restart": {
            "type": "string",
            "format": "uri-reference",
            "description": "The URL to start over at when a cursor is no longer valid.",
        },
    },
    "required": ["type", "title", "status"],
}


JSON_FEED: Final[Schema] = {
    "type": "object",
    "description": "The page as JSON Feed 1.1.",
    "properties": {
        "version": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "home_page_url": {"type": "string", "format": "uri"},
        "feed_url": {"type": "string", "format": "uri"},
        "next_url": {"type": "string", "format": "uri"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "url": {"type": "string", "format": "uri"},
                    "title": {"type": "string"},
                    "content_text": {"type": "string"},
                    "date_published": {"type": "string", "format": "date-time"},
                    "date_modified": {"type": "string", "format": "date-time"},
                },
                "required": ["id"],
            },
        },
    },
    "required": ["version", "title", "items"],
}


def shown(
    model: type[Document], names: list[str], read_only: Collection[str], *, id_name: str = ""
) -> Schema:
    """Return the schema of an item in answers: these fields, and which of them the server sets.

    ``id_name`` is the field that is the id, if it is not ``id`` in the form of a stream's.
    """
    schema = {**model.for_jsonschema(names), "required": [id_name or "id"]}
    properties = _shown(schema, model._fields)
    for name in read_only:
        properties[name] = {**properties[name], "readOnly": True}
    if not id_name:
        properties["id"] = {**properties["id"], **ID_SCHEMA}
    return {**schema, "properties": properties}


def taken(
    model: type[Document],
    names: list[str],
    read_only: Mapping[str, str],
    *,
    partial: bool = False,
) -> Schema:
    """Return the schema of a document in a body, or of a part of one.

    ``read_only`` are the fields that a caller does not choose, with what becomes of those sent.
    """
    schema = _taken(model.for_jsonschema(names), model._fields)
    properties = schema["properties"]
    for name, text in read_only.items():
        if name in properties:
            properties[name] = {**properties[name], "readOnly": True, "description": text}
    required = [name for name in schema.get("required", ()) if name not in read_only]
    if partial or not required:
        schema.pop("required", None)
    else:
        schema["required"] = required
    return schema


def _shown(schema: Schema, fields: Mapping[str, Any]) -> Schema:
    """Return the properties of documents of a class: an optional text may be an empty one."""
    by_name = {field.uniq_field: field for field in fields.values()}
    return {
        name: _shown_field(each, by_name[name])
        for name, each in schema.get("properties", {}).items()
    }


def _shown_field(schema: Schema, field: Any) -> Schema:
    notes, terms = _parted(schema, field)
    terms = _shown_value(terms, field)
    if CLASS in terms:
        return {"allOf": [terms], **notes}
    if not field.required and _takes_blank(terms, field):
        return {"anyOf": [terms, {"const": ""}], **notes}
    return {**terms, **notes}


def _shown_value(schema: Schema, field: Any) -> Schema:
    """Return the schema of a field's value in answers, with the documents in it marked."""
    document = _embedded(schema, field)
    if document is not None:
        properties = _shown({"properties": schema["properties"]}, document._fields)
        return {**schema, **_class(document.__name__), "properties": properties}
    return _with_items(schema, field, _shown_value)


def _taken(schema: Schema, fields: Mapping[str, Any]) -> Schema:
    """Return the schema of a class's documents as clients send them, without unknown fields."""
    required = schema.get("required", ())
    by_name = {field.uniq_field: field for field in fields.values()}
    return {
        **schema,
        "properties": {
            name: _field(each, by_name[name], required=name in required)
            for name, each in schema.get("properties", {}).items()
        },
        "additionalProperties": False,
    }


def _field(schema: Schema, field: Any, *, required: bool) -> Schema:
    notes, terms = _parted(schema, field)
    strict = _takes_blank(terms, field)
    terms = _value(terms, field)
    if required:
        if CLASS in terms:
            return {"allOf": [terms], **notes}
        if terms.get("type") == "string" and field.takes_blank:
            terms["minLength"] = max(1, terms.get("minLength", 0))
        return {**terms, **notes}
    if not terms:
        return notes
    if isinstance(terms.get("type"), str) and not ({CLASS, "enum"} & terms.keys() or strict):
        return {**terms, "type": [terms["type"], "null"], **notes}
    none: list[Schema] = [{"const": ""}] if strict else []
    return {"anyOf": [terms, *none, {"type": "null"}], **notes}


def _parted(schema: Schema, field: Any) -> tuple[Schema, Schema]:
    """Return the notes on a field, with an example, and the terms for its values."""
    # The schema of a document has the notes of its class, and not of the field.
    noted = field.schema_notes() if _embedded(schema, field) is not None else schema
    notes = {key: noted[key] for key in _NOTES if key in noted}
    if "examples" not in notes and (example := example_of(field)) is not None:
        notes["examples"] = [example]
    return notes, {key: value for key, value in schema.items() if key not in _NOTES}


def _embedded(schema: Schema, field: Any) -> Any:
    """Return the class of the documents that a schema describes in full; None for other values."""
    return getattr(field, "document_type", None) if "properties" in schema else None


def _class(name: str) -> Schema:
    return {CLASS: name, "title": name}


def _with_items(schema: Schema, field: Any, change: Callable[[Schema, Any], Schema]) -> Schema:
    """Return the schema of a list with that of its items changed; any other as it is."""
    item = getattr(field, "item_field", None)
    if item is None or not isinstance(schema.get("items"), dict):
        return schema
    return {**schema, "items": change(schema["items"], item)}


def _takes_blank(terms: Schema, field: Any) -> bool:
    """Return whether a field takes an empty text that its schema refuses."""
    strict = any(key in terms for key in ("minLength", "pattern", "enum", "format"))
    return strict and terms.get("type") == "string" and field.takes_blank


def _value(schema: Schema, field: Any) -> Schema:
    """Return the schema of a field's value, without the notes on the field."""
    if isinstance(field, MillisecondField):
        return {"anyOf": [schema, DATE_TIME]}
    if schema.get("type") == "integer":
        return {"format": "int64", **_INT64, **schema}
    own_pattern: str | None = getattr(field, "own_pattern", None)
    if own_pattern is not None and "pattern" not in schema:
        # What JSON Schema means by "uri" and "email" is more than the fields take.
        pattern = own_pattern.replace(r"\A", "^").replace(r"\Z", "$")
        return {**schema, "pattern": pattern}
    document = _embedded(schema, field)
    if document is not None:
        return {**_taken(schema, document._fields), **_class(f"{document.__name__}Input")}
    return _with_items(schema, field, _value)


# What surrounds items in answers.


def one(item: Schema) -> Schema:
    """Return the schema of an answer with one item."""
    return {"type": "object", "properties": {"data": item}, "required": ["data"]}


def page(item: Schema) -> Schema:
    """Return the schema of a page of the timeline."""
    paging = {
        "limit": {"type": "integer", "minimum": 1},
        "next": LINK,
        "previous": LINK,
        "changes": {"type": "string", "format": "uri-reference"},
        "cursor": {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "description": "The cursor in `next`, for clients that build URLs themselves.",
        },
        "has_more": {"type": "boolean"},
        "total": {"type": "integer", "minimum": 0},
        "total_exact": {"type": "boolean"},
    }
    needed = ["limit", "next", "previous", "changes", "cursor", "has_more"]
    return _with_paging(item, paging, needed)


def changes(change: Schema) -> Schema:
    """Return the schema of a look at the change order."""
    paging = {
        "position": POSITION,
        "caught_up": {"type": "boolean"},
        "next": {"type": "string", "format": "uri-reference"},
        "cursor": {"type": "string", "description": "The cursor in `next`."},
        "has_more": {"type": "boolean", "description": "Whether there are more items."},
    }
    return _with_paging(change, paging, list(paging))


def change(item: Schema) -> Schema:
    """Return the schema of one change."""
    return {
        "type": "object",
        "properties": {
            "position": POSITION,
            "id": ID_SCHEMA,
            "op": {"type": "string", "enum": ["put", "delete"]},
            "version": {
                "type": "integer",
                "minimum": 1,
                "description": "The number of writes since the creation; none for a deletion.",
            },
            "data": {"anyOf": [item, {"type": "null"}]},
        },
        "required": ["position", "id", "op", "data"],
    }


def results(item: Schema, problem: Schema) -> Schema:
    """Return the schema of the outcomes of several items: ``{"data": [outcome, …]}``."""
    done = {
        "type": "object",
        "properties": {
            "status": {"type": "integer", "minimum": 200, "maximum": 299},
            "data": {"anyOf": [item, {"type": "null"}]},
        },
        "required": ["status", "data"],
    }
    failed = {"allOf": [problem, {"type": "object", "properties": {"id": {"type": "string"}}}]}
    return {
        "type": "object",
        "properties": {"data": {"type": "array", "items": {"anyOf": [done, failed]}}},
        "required": ["data"],
    }


def import_result(problem: Schema, keep: Callable[[str, Schema], Schema]) -> Schema:
    """Return the schema of one line in the answer to an import.

    ``keep`` keeps a schema under a name, and returns the reference to it.
    """
    line = {"type": "integer", "minimum": 1, "description": "The line's number in the request."}
    created = {
        "type": "object",
        "properties": {"line": line, "status": {"const": 201}, "id": ID_SCHEMA},
        "required": ["line", "status", "id"],
    }
    named = {"type": "object", "properties": {"line": line, "id": ID_SCHEMA}, "required": ["line"]}
    failed = keep("ImportProblem", {"title": "ImportProblem", "allOf": [problem, named]})
    return {"anyOf": [keep("Imported", {"title": "Imported", **created}), failed]}


def event(change: Schema) -> Schema:
    """Return the schema of the ``data`` of one server-sent event of a feed."""
    checkpoint = {"position": POSITION, "caught_up": {"type": "boolean"}}
    problem = PROBLEM["properties"]
    reset = {"status": problem["status"], "restart": problem["restart"]}
    return {"anyOf": [change, _required(checkpoint), _required(reset)]}


def sequence(media_type: str, part: Schema, text: str) -> Schema:
    """Return the schema of a text made of many parts, with the schema of one part.

    A schema in OpenAPI 3.1 describes a body as a whole, so that of a part stands in
    ``contentSchema``; the word for it, ``itemSchema``, comes with OpenAPI 3.2.
    """
    return {
        "type": "string",
        "contentMediaType": media_type,
        "contentSchema": part,
        "description": text,
    }


def _required(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _with_paging(member: Schema, paging: Schema, needed: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": member},
            "paging": {"type": "object", "properties": paging, "required": needed},
        },
        "required": ["data", "paging"],
    }
