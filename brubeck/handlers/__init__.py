"""Handlers: what answers one message and is thrown away with it."""

from __future__ import annotations

from brubeck.handlers.message import MessageHandler
from brubeck.handlers.web import (
    JSONMessageHandler,
    WebMessageHandler,
    allowed_methods,
    http_response,
    render,
)

__all__ = [
    "JSONMessageHandler",
    "MessageHandler",
    "WebMessageHandler",
    "allowed_methods",
    "http_response",
    "render",
]
