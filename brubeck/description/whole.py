"""The whole description of an application: its paths, its components, its models."""

from __future__ import annotations

from typing import Any, Final

from brubeck.description.components import Components, Schema
from brubeck.dictshield.document import Document

OPENAPI: Final = "3.1.1"
GENERAL: Final = (
    "Wherever there is GET there is HEAD, and OPTIONS answers with the methods in `Allow`. Errors "
    "are problem documents (RFC 9457). Parameters that are not described are refused."
)


class Description:
    """A description, to which each thing that is served adds its part."""

    def __init__(self, title: str, version: str) -> None:
        self.title = title
        self.version = version
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
            "info": {"title": title, "version": self.version, "description": GENERAL},
            "tags": self.tags,
            "paths": self.paths,
            "components": self.components.to_dict(),
        }

    def manifest(self) -> list[Schema]:
        """Return the JSON Schema of each model, as Brubeck 0.4 did: a list, by their titles."""
        return list(self._models.values())
