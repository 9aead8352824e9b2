"""Handlers: objects that answer one message and are discarded after it."""

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
