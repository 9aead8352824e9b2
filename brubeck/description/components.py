"""The parts of a description that others refer to, each kept once under a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]
"""A JSON Schema, or any other object of OpenAPI."""

CLASS: Final = "$class"
"""The key of a nested schema that is kept under a name of its own, with that name."""
_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]")
"""The signs that no name of a part has."""
_KINDS: Final = ("schemas", "parameters", "headers", "responses", "securitySchemes")


class Components:
    """Schemas, parameters, headers, responses and security schemes by their names.

    >>> components = Components()
    >>> components.add('schemas', 'Quake', {'type': 'object'})
    {'$ref': '#/components/schemas/Quake'}
    >>> components.add('schemas', 'Quake', {'type': 'string'})
    {'$ref': '#/components/schemas/Quake2'}
    """

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, Schema]] = {kind: {} for kind in _KINDS}

    def add(self, kind: str, name: str, part: Schema) -> Schema:
        """Keep a part, and return the reference to it; another of the same name has a number."""
        return _reference(kind, self.name(kind, name, part))

    def name(self, kind: str, name: str, part: Schema) -> str:
        """Keep a part, and return the name that it has got."""
        parts = self._parts[kind]
        for chosen in _numbered(name):
            if parts.setdefault(chosen, part) == part:
                return chosen
        raise AssertionError("numbers do not end")

    def add_schema(self, name: str, schema: Schema) -> Schema:
        """Keep a schema, and return the reference to it.

        A class in it that is marked by `CLASS` is kept under its own name. One that embeds itself
        names itself by an ``$id`` in DictShield's schemas; here it has a name like every other.
        """
        return self.add("schemas", name, self._named(schema, {}))

    def _named(self, part: Any, urns: Mapping[str, Schema]) -> Any:
        """Return a part in which classes that embed themselves are references, as by their URNs."""
        if isinstance(part, list):
            return [self._named(each, urns) for each in part]
        if not isinstance(part, Mapping):
            return part
        if part.get("$ref") in urns:
            return urns[part["$ref"]]
        if "$id" in part:
            return self._recursive(part, urns)
        made = {name: self._named(value, urns) for name, value in part.items() if name != CLASS}
        return self.add("schemas", part[CLASS], made) if CLASS in part else made

    def _recursive(self, part: Mapping[str, Any], urns: Mapping[str, Schema]) -> Schema:
        """Store the schema of a class that embeds itself, and return the reference to it."""
        schemas = self._parts["schemas"]
        rest = {key: value for key, value in part.items() if key not in ("$id", CLASS)}
        for chosen in _numbered(part.get(CLASS, part["title"])):
            reference = _reference("schemas", chosen)
            known = schemas.setdefault(chosen, {})
            made = self._named(rest, {**urns, part["$id"]: reference})
            if known in ({}, made):
                schemas[chosen] = made
                return reference
        raise AssertionError("numbers do not end")

    def to_dict(self) -> dict[str, Any]:
        """Return the kinds of which there are any, each in the order of its names."""
        return {kind: dict(sorted(parts.items())) for kind, parts in self._parts.items() if parts}


def _reference(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


def _numbered(name: str) -> Iterator[str]:
    """Yield a name as OpenAPI allows it (4.8.7.1), and then with each number from 2 on.

    >>> next(_numbered('Überblick'))
    'Uberblick'
    """
    letters = unicodedata.normalize("NFKD", name)
    name = _OTHER.sub("_", "".join(each for each in letters if not unicodedata.combining(each)))
    yield name
    for number in count(2):
        yield f"{name}{number}"
