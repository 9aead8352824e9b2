"""Brubeck: a toolkit for API streams.

Importing the package patches nothing, opens nothing and loads no driver: each name is imported from
its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.errors import BrubeckError, ConfigError
    from brubeck.handlers import (
        JSONMessageHandler,
        MessageHandler,
        WebMessageHandler,
        http_response,
        render,
    )
    from brubeck.http import Problem, Request, Response, StreamingResponse
    from brubeck.streams import StreamedDocument, StreamHandler

__version__ = "1.0.0.dev0"

_HOME = {
    "Brubeck": "brubeck.application",
    "BrubeckError": "brubeck.errors",
    "ConfigError": "brubeck.errors",
    "JSONMessageHandler": "brubeck.handlers",
    "MessageHandler": "brubeck.handlers",
    "Problem": "brubeck.http",
    "Request": "brubeck.http",
    "Response": "brubeck.http",
    "StreamHandler": "brubeck.streams",
    "StreamedDocument": "brubeck.streams",
    "StreamingResponse": "brubeck.http",
    "WebMessageHandler": "brubeck.handlers",
    "http_response": "brubeck.handlers",
    "render": "brubeck.handlers",
}

__all__ = [
    "Brubeck",
    "BrubeckError",
    "ConfigError",
    "JSONMessageHandler",
    "MessageHandler",
    "Problem",
    "Request",
    "Response",
    "StreamHandler",
    "StreamedDocument",
    "StreamingResponse",
    "WebMessageHandler",
    "http_response",
    "render",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'brubeck' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
