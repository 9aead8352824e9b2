"""The description of a stream: its pages, its changes and its items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from brubeck.description import parameters, schemas, texts
from brubeck.description.answers import PAGE, Answers
from brubeck.description.components import Schema
from brubeck.explorer.rendering import MEDIA_TYPE as HTML
from brubeck.streams import exports, geojson, imports, json_feed, sse
from brubeck.streams.access import OWNER
from brubeck.streams.handler import StreamHandler
from brubeck.streams.patching import MEDIA_TYPES
from brubeck.streams.spec import JSON

if TYPE_CHECKING:
    from brubeck.description.whole import Description


def describe_stream(stream: type[StreamHandler], description: Description) -> None:
    """Add a stream to the description of its application."""
    _Stream(stream, description).describe()


class _Stream:
    def __init__(self, stream: type[StreamHandler], description: Description) -> None:
        self.spec = spec = stream.spec
        self.actions = stream._actions  # noqa: SLF001, not for programs
        self.description = description
        self.declared = spec.parameters
        self.answers = Answers(
            description.components, limited=spec.rate_limit is not None, html=spec.explorer
        )
        text = first_line(stream) or f"The stream at {spec.path.template}."
        self.tag = description.add_tag(stream.__name__, text)
        self.names = [name for name in spec.model._fields if name not in spec.hidden]
        key = spec.path.partition
        self.shared = [parameters.partition(key)] if key else []
        self.owned = spec.rules.owned
        # As `ProtectedAccess` has it: elsewhere a taken id would tell what others have.
        self.chooses_ids = not self.owned or key == OWNER
        self.item = self._shown()
        self.problems = {400, 406, 503}
        self.problems |= {401, 403} if spec.private or spec.rules.write == "owner" else set()
        self.problems |= {429} if spec.rate_limit is not None else set()
        self.problems |= {404} if key else set()

    def describe(self) -> None:
        """Add the paths and the model."""
        key = self.spec.path.partition
        base = self.spec.path.at(f"{{{key}}}" if key else "")
        self._path(base, get=self._page(), post=self._create())
        self._path(f"{base}/changes", get=self._changes())
        self._path(
            f"{base}/{{id}}",
            get=self._read(),
            put=self._replace(),
            patch=self._change(),
            delete=self._delete(),
        )
        for name, action in self.actions.items():
            self._path(f"{base}/{{id}}/{name}", **{action.method: self._act(name, action)})
        self.description.add_model(self.spec.model, self.names)

    # Schemas.

    def _schema(self, suffix: str, schema: Schema) -> Schema:
        name = f"{self.spec.model.__name__}{suffix}"
        return self.description.components.add_schema(name, {**schema, "title": name})

    def _shown(self) -> Schema:
        spec = self.spec
        read_only = {*spec.set_by_server}
        if not spec.accept_created_at:
            read_only |= {"created_at", "updated_at"}
        if not self.chooses_ids:
            read_only.add("id")
        return self._schema("", schemas.shown(spec.model, self.names, read_only))

    def _new(self) -> Schema:
        read_only = dict.fromkeys(self.spec.set_by_server, texts.IGNORED)
        if not self.spec.accept_created_at:
            read_only |= {"created_at": texts.REFUSED, "updated_at": texts.IGNORED}
        if not self.chooses_ids:
            read_only["id"] = texts.REFUSED
        return self._taken("New", read_only)

    def _replacement(self) -> Schema:
        read_only = dict.fromkeys(("updated_at", *self.spec.set_by_server), texts.IGNORED)
        if not self.spec.accept_created_at:
            read_only["created_at"] = texts.EQUAL
        return self._taken("Replacement", {"id": texts.EQUAL, **read_only})

    def _patch(self) -> Schema:
        read_only = dict.fromkeys(("updated_at", *self.spec.set_by_server), texts.IGNORED)
        read_only |= {"id": texts.EQUAL, "created_at": texts.EQUAL}
        return self._taken("Patch", read_only, partial=True)

    def _taken(self, suffix: str, read_only: dict[str, str], *, partial: bool = False) -> Schema:
        schema = schemas.taken(self.spec.model, self.names, read_only, partial=partial)
        if "readOnly" not in schema["properties"]["id"]:
            either = [schemas.ID_SCHEMA, {"type": "null"}]
            schema["properties"]["id"] = {"anyOf": either, "description": "Default: a new id."}
        return self._schema(suffix, schema)

    # Operations.

    def _page(self) -> Schema:
        schema = self._schema("Page", schemas.page(self.item))
        headers = ["ETag", "Link", "Content-Disposition"]
        content = {JSON: schema} | {
            kind: {"type": "string", "description": text}
            for kind, text in texts.SHAPES.items()
            if kind != HTML or self.spec.explorer
        }
        content[json_feed.MEDIA_TYPE] = schemas.JSON_FEED
        if geojson.MEDIA_TYPE in exports.types_of(self.spec):
            content[geojson.MEDIA_TYPE] = {"type": "object", "description": texts.FEATURES}
        content[exports.NDJSON] = schemas.sequence(exports.NDJSON, self.item, texts.EXPORT)
        found = self.answers.answer("A page of the timeline, or all of it.", content, headers)
        tidy = "Redirects to the HTML page without empty parameters."
        return self._operation(
            "list",
            "Read a page of the timeline, or export it",
            [*parameters.of_page(self.declared), parameters.IF_NONE_MATCH],
            {
                "200": found,
                "303": self.answers.answer(tidy, None, ["Location"]),
                "304": self._not_modified(),
            },
            self.problems,
        )

    def _create(self) -> Schema:
        new = self._new()
        many = {"type": "array", "items": new, "minItems": 1, "maxItems": self.spec.max_batch}
        lines = schemas.sequence(imports.MEDIA_TYPE, new, texts.IMPORT)
        lines["pattern"] = r"[^ \t\r\n]"
        keep = self.description.components.add_schema
        result = self._schema("ImportResult", schemas.import_result(self.answers.problem, keep))
        results = schemas.sequence(imports.MEDIA_TYPE, result, texts.RESULTS)
        created = self.answers.json(
            "All of it was created.",
            {"anyOf": [self._one(), self._results()]},
            ["ETag", "Location"],
        )
        created["links"] = self._links("$response.body#/data/id")
        operation = self._operation(
            "create",
            "Create an item, each of a list by itself, or each of many lines",
            [parameters.IDEMPOTENCY_KEY],
            {
                "201": created,
                "200": self.answers.answer(
                    "The result of each line of an import.", {imports.MEDIA_TYPE: results}
                ),
                "207": self._several("Each item's own status."),
            },
            self.problems | {409, 413, 415, 422},
            body={JSON: {"anyOf": [new, many]}, imports.MEDIA_TYPE: lines},
        )
        if self.spec.geometry is not None:
            operation["x-geometry"] = self.spec.geometry.names
        return operation

    def _changes(self) -> Schema:
        change = self._schema("Change", schemas.change(self.item))
        looked = self._schema("Changes", schemas.changes(change))
        event = self._schema("Event", schemas.event(change))
        feed = schemas.sequence(sse.MEDIA_TYPE, event, texts.FEED)
        content = {JSON: looked, sse.MEDIA_TYPE: feed}
        return self._operation(
            "follow",
            "Look at the changes after a place, wait for them, or follow them",
            [*parameters.of_changes(self.declared), parameters.LAST_EVENT_ID],
            {
                "200": self.answers.answer("Changes, in their order.", content),
                "204": self.answers.answer(
                    "To an `EventSource` that comes back after a `reset`: it has to stop."
                ),
            },
            self.problems | {410},
        )

    def _read(self) -> Schema:
        found = self.answers.answer(
            "The item; or a result for each of several ids, all of them found.",
            {JSON: {"anyOf": [self._one(), self._results()]}}
            | ({HTML: PAGE} if self.spec.explorer else {}),
            ["ETag"],
        )
        return self._operation(
            "read",
            "Read an item, or several",
            [
                parameters.IDS,
                parameters.fields(self.declared),
                parameters.IF_MATCH,
                parameters.IF_NONE_MATCH,
            ],
            {
                "200": found,
                "207": self._several("A result for each of several ids, not all alike."),
                "304": self._not_modified(),
            },
            self.problems | {404, 410, 412},
        )

    def _replace(self) -> Schema:
        answers = {"200": self._written("The item was replaced.")}
        summary = "Replace an item"
        if self.chooses_ids:
            summary = "Replace an item, or begin its life"
            created = self._written("The item was created.", ["ETag", "Location"])
            created["links"] = self._links("$request.path.id")
            answers["201"] = created
        return self._operation(
            "replace",
            summary,
            [*self._conditions(), parameters.ID],
            answers,
            self._of_writes | {413, 415, 422},
            body={JSON: self._replacement()},
        )

    def _change(self) -> Schema:
        patch = self._patch()
        return self._operation(
            "change",
            "Change an item as a merge patch says (RFC 7396)",
            [*self._conditions(), parameters.ID],
            {"200": self._written("The item was changed.")},
            self._of_writes | {413, 415, 422},
            body=dict.fromkeys(MEDIA_TYPES, patch),
            _415="Accept-Patch",
        )

    def _delete(self) -> Schema:
        answers = {
            "200": self._several("A result for each of several ids, all of them deleted."),
            "204": self.answers.answer("The item was deleted."),
            "207": self._several("A result for each of several ids, not all alike."),
        }
        return self._operation(
            "delete",
            "Delete an item, or several",
            [*self._conditions(), parameters.IDS],
            answers,
            self._of_writes | {422},
        )

    def _act(self, name: str, action: Any) -> Schema:
        given = {"type": "object", "properties": {"data": action.gives}, "required": ["data"]}
        return self._operation(
            name,
            first_line(action).partition(": ")[2].capitalize(),
            [parameters.ID, *([] if action.method == "get" else [parameters.IDEMPOTENCY_KEY])],
            {str(action.status): self.answers.json("It was done, or will be soon.", given)},
            self._of_writes - {412} | ({422} if action.takes else set()),
            body={JSON: action.takes} if action.takes else None,
        ) | {"security": self._security("write")}

    @property
    def _of_writes(self) -> set[int]:
        return self.problems | {404, 409, 410, 412}

    @staticmethod
    def _conditions() -> Iterator[Schema]:
        yield from (parameters.IF_MATCH, parameters.UNLESS_MATCH, parameters.IDEMPOTENCY_KEY)

    # Answers.

    def _written(self, text: str, headers: Iterable[str] = ("ETag",)) -> Schema:
        return self.answers.json(text, self._one(), headers)

    def _one(self) -> Schema:
        """Return an answer with one item; it has a name, so that generated clients have it, too."""
        return self._schema("Answer", schemas.one(self.item))

    def _results(self) -> Schema:
        return self._schema("Results", schemas.results(self.item, self.answers.problem))

    def _several(self, text: str) -> Schema:
        return self.answers.json(text, self._results())

    def _not_modified(self) -> Schema:
        return self.answers.answer("The caller has it already.", None, ["ETag"])

    def _links(self, item_id: str) -> Schema:
        key = self.spec.path.partition
        given = {"id": item_id} | ({key: f"$request.path.{key}"} if key else {})
        return {
            verb: {"operationId": self._name(verb), "parameters": given}
            for verb in ("read", "replace", "change", "delete")
        }

    # What operations share.

    def _name(self, verb: str) -> str:
        return f"{verb}{self.tag}"

    def _path(self, path: str, **operations: Schema) -> None:
        item: Schema = {"parameters": self.shared} if self.shared else {}
        if self.spec.read_only:
            operations = {"get": operations["get"]}
        self.description.paths[path] = item | operations

    def _operation(
        self,
        verb: str,
        summary: str,
        given: Iterable[Schema],
        answers: dict[str, Schema],
        problems: set[int],
        *,
        body: dict[str, Schema] | None = None,
        **headers: str,
    ) -> Schema:
        made: Schema = {
            "operationId": self._name(verb),
            "summary": summary,
            "tags": [self.tag],
            "parameters": list(given),
        }
        if body is not None:
            content = {kind: {"schema": schema} for kind, schema in body.items()}
            made["requestBody"] = {"required": True, "content": content}
        headers = {"_415": "Accept"} | headers
        made["responses"] = answers | self.answers.problems(problems, **headers)
        action = "write" if body or verb == "delete" else "read"
        made["security"] = self._security(action)
        text = texts.OPERATIONS.get(verb, f"{summary}.")
        made["description"] = " ".join([text, *self._scope(action)])
        return made

    def _security(self, action: str) -> list[dict[str, list[str]]]:
        """Return the schemes that an action asks for; none where anyone may."""
        if action == "read" and self.spec.rules.read == "anyone":
            return []
        components = self.description.components
        return [
            {components.name("securitySchemes", each.name, each.openapi()): []}
            for each in self.spec.schemes
        ]

    def _scope(self, action: str) -> Iterator[str]:
        """Yield the sentence on the scope that an action needs, if it needs one.

        OpenAPI names scopes at an operation for OAuth 2 alone.
        """
        if scope := self.spec.scopes.get(action):
            yield f"The caller needs the scope `{scope}`."


def first_line(described: type[Any]) -> str:
    """Return the first line of a class's own docstring; the rest is for readers of the program."""
    text = vars(described).get("__doc__") or ""
    return cleandoc(text).partition("\n")[0]
