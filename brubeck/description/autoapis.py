"""The description of an AutoAPI."""

from __future__ import annotations

from typing import Any, Final

from brubeck.autoapi.base import MAX_IDS, AutoAPIBase
from brubeck.description import schemas
from brubeck.description.answers import Answers
from brubeck.description.components import Schema
from brubeck.description.parameters import in_path, in_query
from brubeck.description.streams import first_line
from brubeck.description.whole import Description
from brubeck.dictshield.fields import BaseField, IntField, ObjectIdField, UUIDField
from brubeck.queryset.operations import id_field
from brubeck.streams.private_fields import hidden_fields
from brubeck.streams.spec import JSON

_SEVERAL: Final = "Ids with commas between them name several documents; each has its own result."
_TEXTS: Final = {
    "list": "The documents that were created last, the newest first.",
    "create": "A list creates each of its documents by itself.",
    "read": _SEVERAL,
    "replace": _SEVERAL,
    "save": _SEVERAL,
    "destroy": _SEVERAL,
}
"""The description of each operation."""
_ALWAYS: Final = frozenset({400, 406, 503})
_WRITES: Final = frozenset({409, 413, 415, 422})
_ANY: Final = "[A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
_HEX: Final = "[0-9A-Fa-f]"
_IDS: Final[dict[type[BaseField[Any]], str]] = {
    UUIDField: f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
    ObjectIdField: f"{_HEX}{{24}}",
    IntField: "[0-9]{1,18}",
}
"""The patterns of ids, by the kind of their field."""


def describe_api(api: type[AutoAPIBase], description: Description) -> None:
    """Add an AutoAPI to the description of its application."""
    _API(api, description).describe()


class _API:
    def __init__(self, api: type[AutoAPIBase], description: Description) -> None:
        self.api = api
        self.description = description
        self.answers = Answers(description.components, limited=False, html=False)
        self.tag = description.add_tag(
            api.__name__, first_line(api) or f"The AutoAPI at {api.path}."
        )
        id_of = id_field(api.model, "id" if api.queries is None else api.queries.api_id)
        hidden = hidden_fields(api.model, {id_of.field_name})
        self.names = [name for name in api.model._fields if name not in hidden]
        self.id_name = id_of.uniq_field
        self.id_pattern = next((p for kind, p in _IDS.items() if isinstance(id_of, kind)), _ANY)
        shown = schemas.shown(api.model, self.names, (), id_name=self.id_name)
        self.item = self._schema("", shown)
        self.taken = self._taken()

    def describe(self) -> None:
        """Add the paths and the model."""
        one = schemas.one(self.item)
        many = self._schema("List", _list(self.item))
        newest = self._schema("Newest", _newest(self.item))
        several = self._schema("Results", _several(self.item, self.answers.problem))
        self.several = self.answers.json("A result for each, not all alike.", several)
        either = {"anyOf": [one, many]}
        bodies = {"type": "array", "items": self.taken, "minItems": 1}
        body = {"anyOf": [self.taken, {**bodies, "maxItems": self.api.max_batch}]}
        limit = in_query("limit", {"type": "integer", "minimum": 1}, "The maximum number.")
        found = self.answers.json("The newest documents.", newest)
        created = self.answers.json("All of it was created.", either, ["Location"])
        self.description.paths[self.api.path] = {
            "get": self._operation("list", "Read the newest", {"200": found}, set(), [limit]),
            "post": self._operation(
                "create",
                "Create a document, or each of a list",
                {"201": created, "207": self.several},
                set(_WRITES),
                body=body,
            ),
        }
        good = self.answers.json("The document, or each of several.", either)
        written = {"200": good, "201": created, "207": self.several}
        both = {"200": good, "207": self.several}
        replace: tuple[Any, ...] = (written, _WRITES - {409})
        self.description.paths[f"{self.api.path}/{{id}}"] = {
            "parameters": [self._id()],
            "get": self._operation("read", "Read a document, or several", both, {404}),
            "put": self._operation("replace", "Replace or create", *replace, body=body),
            "post": self._operation("save", "The same as PUT, as in 0.4", *replace, body=body),
            "delete": self._operation("destroy", "Destroy a document, or several", both, {404}),
        }
        self.description.add_model(self.api.model, self.names)

    def _schema(self, suffix: str, schema: Schema) -> Schema:
        name = f"{self.api.model.__name__}{suffix}"
        return self.description.components.add_schema(name, {**schema, "title": name})

    def _taken(self) -> Schema:
        schema = schemas.taken(self.api.model, self.names, {})
        if self.id_pattern == _ANY:
            either = [schemas.ID_SCHEMA, {"type": "null"}]
            schema["properties"][self.id_name] = {"anyOf": either}
        return self._schema("Input", schema)

    def _id(self) -> Schema:
        text = f"The id of the document; or those of several, at most {MAX_IDS}, with commas."
        one = self.id_pattern
        pattern = f"^{one}(?:,{one}){{0,{MAX_IDS - 1}}}$"
        return in_path("id", {"type": "string", "pattern": pattern}, text)

    def _operation(
        self,
        verb: str,
        summary: str,
        answers: dict[str, Schema],
        problems: set[int],
        given: list[Schema] | None = None,
        *,
        body: Schema | None = None,
    ) -> Schema:
        made: Schema = {
            "operationId": f"{verb}{self.tag}",
            "summary": summary,
            "description": _TEXTS[verb],
            "tags": [self.tag],
            "parameters": given or [],
            "security": [],
            "responses": answers | self.answers.problems(_ALWAYS | problems, _415="Accept"),
        }
        if body is not None:
            made["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
        return made


def _list(item: Schema) -> Schema:
    data = {"type": "array", "items": item}
    return {"type": "object", "properties": {"data": data}, "required": ["data"]}


def _newest(item: Schema) -> Schema:
    listed = _list(item)
    text = "True where there are more documents than the answer has room for."
    listed["properties"]["truncated"] = {"type": "boolean", "description": text}
    return listed


def _several(item: Schema, problem: Schema) -> Schema:
    """Return the schema of results: the visible fields of each document, and its status."""
    entry = {
        "type": "object",
        "properties": {
            "status": {"type": "integer", "minimum": 200, "maximum": 599},
            "id": {"type": "string"},
            "href": {"type": "string", "format": "uri-reference"},
        },
        "required": ["status"],
    }
    results = {"type": "array", "items": {"anyOf": [entry, {"allOf": [entry, problem]}]}}
    data = {"type": "array", "items": {"anyOf": [item, {"type": "null"}]}}
    return {
        "type": "object",
        "properties": {"data": data, "multistatus": results},
        "required": ["data", "multistatus"],
    }
