"""The whole description of an application: its paths, its components, its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brubeck.description.components import Components, Schema
from brubeck.dictshield.document import Document
from brubeck.errors import ConfigError, did_you_mean

OPENAPI: Final = "3.1.1"
GENERAL: Final = (
    "Wherever there is GET there is HEAD, and OPTIONS answers with the methods in `Allow`. Errors "
    "are problem documents (RFC 9457). Parameters that are not described are refused."
)


INFO: Final = ("summary", "description", "termsOfService", "contact", "license")
"""The members of OpenAPI's Info object that a program may give, beside title and version."""


def check_info(info: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for members that OpenAPI's Info object does not have.

    >>> check_info({'licence': {'name': 'CC0'}})
    Traceback (most recent call last):
    brubeck.errors.ConfigError: api_info has no member "licence". Did you mean "license"?
    """
    for name, value in info.items():
        if name not in INFO:
            raise ConfigError(f'api_info has no member "{name}".{did_you_mean(name, INFO)}')
        kind = dict if name in ("contact", "license") else str
        if not isinstance(value, kind):
            word = "a dictionary" if kind is dict else "text"
            raise ConfigError(f"api_info: {name} must be {word}, not {value!r}.")
    if "license" in info and not isinstance(info["license"].get("name"), str):
        raise ConfigError("api_info: the license needs a name, such as {'name': 'CC0-1.0'}.")


class Description:
    """A description, to which each thing that is served adds its part."""

    def __init__(self, title: str, version: str, info: Mapping[str, Any]) -> None:
        self.title = title
        self.version = version
        self.info = info
        self.components = Components()
        self.paths: dict[str, Schema] = {}
        self.tags: list[Schema] = []
        self._models: dict[type[Document], Schema] = {}

    def add_tag(self, name: str, text: str) -> str:
        """Name a group of operations, by another name where that one is taken; return the name."""
        known = {tag["name"] for tag in self.tags}
        chosen, number = name, 1
        while chosen in known:
            number += 1
            chosen = f"{name}{number}"
        self.tags.append({"name": chosen, **({"description": text} if text else {})})
        return chosen

    def operation_id(self, name: str) -> str:
        """Return a name of an operation that no other has, such as the given one."""
        known = {
            operation["operationId"]
            for path in self.paths.values()
            for operation in path.values()
            if isinstance(operation, dict) and "operationId" in operation
        }
        chosen, number = name, 1
        while chosen in known:
            number += 1
            chosen = f"{name}{number}"
        return chosen

    def add_model(self, model: type[Document], names: list[str]) -> None:
        """Add a document class to the manifest, with the fields that callers see."""
        self._models.setdefault(model, model.for_jsonschema(names))

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI object."""
        title = self.title or ", ".join(tag["name"] for tag in self.tags)
        return {
            "openapi": OPENAPI,
            "info": {
                "title": title,
                "version": self.version,
                **self.info,
                "description": "\n\n".join(filter(None, [self.info.get("description"), GENERAL])),
            },
            "servers": [{"url": "/"}],
            "tags": self.tags,
            "paths": self.paths,
            "components": self.components.to_dict(),
        }

    def manifest(self) -> list[Schema]:
        """Return the JSON Schema of each model, as Brubeck 0.4 did: a list, by their titles."""
        return list(self._models.values())
