"""Streams: collections of timestamped resources to page through, follow and write to."""

from __future__ import annotations

from brubeck.streams.documents import StreamedDocument
from brubeck.streams.handler import StreamHandler

__all__ = ["StreamHandler", "StreamedDocument"]
