"""The routes of a stream: a pattern and a resource for its pages, its changes and its items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from brubeck.errors import ConfigError
from brubeck.streams import exports
from brubeck.streams.changes import ChangeFeed
from brubeck.streams.collection import SHAPES, Collection
from brubeck.streams.handler import StreamHandler
from brubeck.streams.items import Items
from brubeck.streams.resource import Resource
from brubeck.streams.stream import Stream


def routes(
    stream: Stream, declaration: type[StreamHandler]
) -> Iterator[tuple[str, type[Resource]]]:
    """Yield a pattern and a resource for a stream's pages, its changes and its items.

    Raises `ConfigError` for a declared resource of another kind.
    """
    pattern = stream.spec.path.pattern

    def resource(name: str, kind: type[Resource]) -> type[Resource]:
        declared: object = getattr(declaration, name) or kind
        if not (isinstance(declared, type) and issubclass(declared, kind)):
            raise ConfigError(
                f"{declaration.__name__}.{name} must be a subclass of {kind.__name__}."
            )
        return declared.of(stream, declaration)

    collection = resource("collection", Collection)
    yield f"{pattern}$", collection
    if not stream.spec.path.template.endswith(">"):  # there, all of it is the partition's key
        types = exports.types_of(stream.spec)
        shapes = [
            shape
            for shape, kind in SHAPES.items()
            if kind not in exports.MEDIA_TYPES or kind in types
        ]
        ends = "|".join(map(re.escape, shapes))
        yield rf"{pattern}\.(?P<shape>{ends})$", collection
    yield f"{pattern}/changes$", resource("changes", ChangeFeed)
    yield f"{pattern}/(?P<ids>[^/]+)$", resource("items", Items)
    for name, kind in declaration._actions.items():  # noqa: SLF001, of its own package
        yield rf"{pattern}/(?P<ids>[^/]+)/{re.escape(name)}$", kind.of(stream, declaration)


def shapes_of(path: str) -> list[str]:
    """Return the paths of a stream's shapes, such as ``/quakes.csv``."""
    return [] if path.endswith(">") else [f"{path}.{shape}" for shape in SHAPES]


def refuse_clash(stream: type[StreamHandler], others: Iterable[type[StreamHandler]]) -> None:
    """Raise `ConfigError` for a stream at the path of another, or with its name in a storage."""
    for other in others:
        if other.path == stream.path:
            names = f"{other.__name__} and {stream.__name__}"
            raise ConfigError(f"{names} are both at {stream.path}.")
        for one, two in ((other, stream), (stream, other)):
            if one.path in shapes_of(two.path):
                raise ConfigError(f"{one.path} is the URL of a shape of {two.path}.")
        if other.spec.path.stream("") == stream.spec.path.stream(""):
            names = f"{other.path} and {stream.path}"
            raise ConfigError(f"{names} would be one stream in a storage.")
