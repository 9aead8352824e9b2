"""A client of streams: read, write, follow and mirror a stream of another program.

`Stream` works with threads, `AsyncStream` has the same names for ``async`` and ``await``. It needs
httpx: ``pip install 'brubeck[client]'``.
"""

from __future__ import annotations

from brubeck.client.answers import Change, Item, Page, Result
from brubeck.client.async_mirror import AsyncMirror
from brubeck.client.async_stream import AsyncFeed, AsyncStream
from brubeck.client.errors import (
    ClientError,
    Closed,
    HistoryLost,
    NotFound,
    PreconditionFailed,
    Problem,
    Unavailable,
)
from brubeck.client.mirror import Mirror
from brubeck.client.stream import Feed, Stream
from brubeck.client.transport import Bearer

__all__ = [
    "AsyncFeed",
    "AsyncMirror",
    "AsyncStream",
    "Bearer",
    "Change",
    "ClientError",
    "Closed",
    "Feed",
    "HistoryLost",
    "Item",
    "Mirror",
    "NotFound",
    "Page",
    "PreconditionFailed",
    "Problem",
    "Result",
    "Stream",
    "Unavailable",
]
