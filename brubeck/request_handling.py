"""The import path of Brubeck 0.4: everything a program of classic handlers needs."""

from __future__ import annotations

from brubeck.application import Brubeck
from brubeck.handlers import (
    JSONMessageHandler,
    MessageHandler,
    WebMessageHandler,
    http_response,
    render,
)

__all__ = [
    "Brubeck",
    "JSONMessageHandler",
    "MessageHandler",
    "WebMessageHandler",
    "http_response",
    "render",
]
