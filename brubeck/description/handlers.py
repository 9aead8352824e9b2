"""Handlers and functions of a program in its description: path, methods, docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from brubeck.description.whole import Description
from brubeck.handlers import MessageHandler
from brubeck.handlers.web import allowed_methods
from brubeck.routing import Route, path_template

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_ANSWER: Final = {
    "200": {"description": "The response of the handler."},
    "4XX": {"description": "An error of the handler."},
    "default": {"description": "Any other response of the handler."},
}
_TAG: Final = {"name": "Handlers", "description": "Other routes of the program."}


def describe_route(route: Route, description: Description) -> None:
    """Add the operations of a route; one whose pattern is no plain path is left out."""
    template = path_template(route.pattern)
    if template is None:
        return
    path, arguments = template
    operations = dict(_operations(route))
    if not operations or path in description.paths:
        return
    if _TAG not in description.tags:
        description.tags.append(_TAG)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in arguments
    ]
    name = getattr(route.handler, "__name__", "handler")
    described: dict[str, Any] = {"parameters": parameters} if parameters else {}
    for method, text in operations.items():
        summary, _, more = text.partition("\n")
        described[method] = {
            "operationId": description.operation_id(f"{method}{name[:1].upper()}{name[1:]}"),
            **({"summary": summary} if summary else {}),
            "tags": [_TAG["name"]],
            "description": more.strip() or summary or f"Handled by {name}.",
            "security": [],
            "responses": _ANSWER,
        }
    description.paths[path] = described


def _operations(route: Route) -> Iterator[tuple[str, str]]:
    """Yield the methods of a route in lower case, and the docstring of each."""
    handler: Any = route.handler
    if isinstance(handler, type) and issubclass(handler, MessageHandler):
        allowed = {each.lower() for each in allowed_methods(handler)}
        for method in _METHODS:
            if method in allowed:
                own = inspect.getdoc(getattr(handler, method))
                yield method, own or inspect.cleandoc(handler.__doc__ or "")
        return
    text = inspect.getdoc(handler) or ""
    for method in _METHODS:
        if route.allows(method.upper()) and (route.methods is not None or method == "get"):
            yield method, text
