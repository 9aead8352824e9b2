"""The resources of a stream, and the routes that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brubeck.streams.changes import ChangeFeed
from brubeck.streams.collection import Collection
from brubeck.streams.handler import StreamHandler
from brubeck.streams.items import Items

_WRITING: Final = ("post", "put", "patch", "delete")


def routes(stream: type[StreamHandler]) -> Iterator[tuple[str, type[StreamHandler]]]:
    """Yield a pattern and a handler for a stream's pages, its changes and its items.

    Each handler is the stream's own class joined to what that kind of resource can do; what the
    stream's class defines itself comes first.
    """
    base = stream.place.pattern
    yield f"{base}$", _joined(stream, Collection)
    yield f"{base}/changes$", _joined(stream, ChangeFeed)
    yield f"{base}/(?P<ids>[^/]+)$", _joined(stream, Items)


def _joined(stream: type[StreamHandler], resource: type[StreamHandler]) -> type[StreamHandler]:
    joined = type(f"{stream.__name__}{resource.__name__}", (stream, resource), {})
    for method in _WRITING if stream.read_only else ():
        setattr(joined, method, None)  # what is no method is answered 405, and is not in ``Allow``
    return joined
