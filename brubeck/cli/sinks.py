"""The streams that ``brubeck import`` writes to: of a server, or of a program in this process."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from brubeck.cli.programs import find_stream, loaded, plain_errors
from brubeck.cli.targets import client_log, is_url, open_stream, stream_url
from brubeck.errors import ConfigError

if TYPE_CHECKING:
    from brubeck.client import Stream
    from brubeck.streams.geometry import Geometry
    from brubeck.streams.local import LocalStream


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of one document: a status of HTTP, and the sentence of a problem."""

    status: int
    reason: str = ""


class Sink(ABC):
    """A stream that takes documents."""

    @abstractmethod
    def write(self, documents: Sequence[bytes]) -> list[Outcome]:
        """Create an item of each JSON of a document; a `ClientError` has the results before it."""

    @abstractmethod
    def types(self) -> dict[str, str]:
        """Return the JSON types of the fields, as far as they are known."""

    @abstractmethod
    def geometry(self) -> Geometry:
        """Return the fields with the positions of items; `ConfigError` where there are none."""


class _Schema(msgspec.Struct):
    """A part of a schema of OpenAPI 3.1."""

    type: str | list[str] = []
    anyOf: list[_Schema | bool] = []  # noqa: N815, the name of JSON Schema
    oneOf: list[_Schema | bool] = []  # noqa: N815, likewise
    properties: dict[str, _Schema | bool] = {}


class _Operation(msgspec.Struct, rename={"request_body": "requestBody", "geometry": "x-geometry"}):
    request_body: Any = None
    geometry: Annotated[list[str], msgspec.Meta(min_length=1, max_length=3)] | None = None


class _Path(msgspec.Struct):
    post: _Operation | None = None


class _Components(msgspec.Struct):
    schemas: dict[str, _Schema | bool] = {}


class _Description(msgspec.Struct):
    """A part of an OpenAPI document."""

    paths: dict[str, _Path] = {}
    components: _Components = msgspec.field(default_factory=_Components)


class _Server(Sink):
    def __init__(self, stream: Stream, root: Stream, path: str) -> None:
        self._stream = stream
        self._root = root
        self._path = path

    def write(self, documents: Sequence[bytes]) -> list[Outcome]:
        return outcomes(self._stream.create_many(documents))

    def types(self) -> dict[str, str]:
        from brubeck.client import ClientError

        try:
            return types_of(self._root.fetch("/openapi.json"), f"/{self._path.strip('/')}")
        except (ClientError, ConfigError):
            return {}  # a server of its own kind; the values are guessed then

    def geometry(self) -> Geometry:
        return geometry_of(self._root.fetch("/openapi.json"), f"/{self._path.strip('/')}")


class _Program(Sink):
    def __init__(self, stream: LocalStream, partition: str) -> None:
        self._stream = stream
        self._partition = partition

    def write(self, documents: Sequence[bytes]) -> list[Outcome]:
        results = self._stream.insert_many(documents, self._partition)
        return [Outcome(each.status, _sentence(each.problem)) for each in results]

    def types(self) -> dict[str, str]:
        model = self._stream.spec.model
        described = model.for_jsonschema(list(model._fields))["properties"]
        properties = msgspec.convert(described, dict[str, _Schema | bool])
        return {name: found for name, each in properties.items() if (found := _kind(each))}

    def geometry(self) -> Geometry:
        spec = self._stream.spec
        return _required(spec.geometry, spec.path.template)


@contextmanager
def opened_sink(target: str, stream: str, user: str | None, token: str | None) -> Iterator[Sink]:
    """Open a stream of a server or a program; `ConfigError` for one that would keep nothing."""
    if is_url(target):
        with (
            plain_errors(),
            open_stream(stream_url(target, stream), user, token) as client,
            open_stream(target, user, token) as root,
            client_log(),
        ):
            yield _Server(client, root, stream)
        return
    with loaded(target) as application:
        found, partition = find_stream(application, stream)
        if not found.store.shared:
            raise ConfigError(
                f'The stream "{stream}" is kept in the memory of one process, and would be gone '
                "with this one: give its store another URL, or name the URL of a server."
            )
        yield _Program(found, partition)


def outcomes(results: Sequence[Any]) -> list[Outcome]:
    """Return the outcomes of results of `brubeck.client`."""
    return [
        Outcome(each.status, "" if each.problem is None else str(each.problem)) for each in results
    ]


def _sentence(problem: Any) -> str:
    """Return a problem of a program's own stream in words, as those of `brubeck.client`."""
    from brubeck.client import Problem

    if problem is None:
        return ""
    members = problem.to_dict()
    errors = [(each["pointer"], each["detail"]) for each in members.get("errors", ())]
    detail = members.get("detail", "")
    return str(Problem(members["status"], members.get("title", ""), detail, errors=errors))


def types_of(described: Mapping[str, Any], path: str) -> dict[str, str]:
    """Return the JSON types of a new item's fields, of the OpenAPI document of a server."""
    description = _description(described)
    creation = _creation(description, path)
    found = re.search(r"#/components/schemas/(\w+)", str(creation and creation.request_body))
    schema = description.components.schemas.get(found[1]) if found else None
    properties = schema.properties if isinstance(schema, _Schema) else {}
    return {name: kind for name, each in properties.items() if (kind := _kind(each))}


def geometry_of(described: Mapping[str, Any], path: str) -> Geometry:
    """Return the fields with positions, of the OpenAPI document of a server."""
    from brubeck.streams.geometry import Geometry

    creation = _creation(_description(described), path)
    if creation is None:
        raise ConfigError(f"The server describes no stream {path} that items are created in.")
    names = creation.geometry
    return _required(Geometry.of_names(names) if names else None, path)


def _description(described: Mapping[str, Any]) -> _Description:
    """Return an OpenAPI document of a server; `ConfigError` for one that is none."""
    try:
        return msgspec.convert(described, _Description)
    except (msgspec.ValidationError, RecursionError) as reason:
        raise ConfigError(f"The server's /openapi.json is no OpenAPI document: {reason}.") from None


def _required(geometry: Geometry | None, path: str) -> Geometry:
    if geometry is None:
        raise ConfigError(f"The items of {path} have no coordinates.")
    return geometry


def _creation(description: _Description, path: str) -> _Operation | None:
    """Return the operation that creates items at a path, or None."""
    for template, operations in description.paths.items():
        pattern = re.sub(r"\\\{[^{}]*\\\}", "[^/]+", re.escape(template))
        if operations.post is not None and re.fullmatch(pattern, path):
            return operations.post
    return None


def _kind(schema: _Schema | bool) -> str:
    """Return ``string`` for a schema of texts alone, ``json`` for one without, "" for others."""
    kinds = set(_kinds(schema)) - {"null"}
    if kinds == {"string"}:
        return "string"
    return "json" if kinds and "string" not in kinds else ""


def _kinds(schema: _Schema | bool) -> Iterator[str]:
    if isinstance(schema, bool):
        return
    yield from [schema.type] if isinstance(schema.type, str) else schema.type
    for each in (*schema.anyOf, *schema.oneOf):
        yield from _kinds(each)
