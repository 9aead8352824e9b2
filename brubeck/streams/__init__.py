"""Streams: collections of timestamped resources to page through, follow and write to."""

from __future__ import annotations

from brubeck.explorer.options import Explorer
from brubeck.streams.context import Context
from brubeck.streams.documents import OwnedDocument, SharedDocument, StreamedDocument
from brubeck.streams.entries import FeedEntry
from brubeck.streams.handler import StreamHandler
from brubeck.streams.protected import AuthStreamHandler

__all__ = [
    "AuthStreamHandler",
    "Context",
    "Explorer",
    "FeedEntry",
    "OwnedDocument",
    "SharedDocument",
    "StreamHandler",
    "StreamedDocument",
]
