"""The backlog of a program's consumers: the lag and the dead letters of each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from brubeck.consumers.letters import HasConsumers, followed
from brubeck.streams.cursors import parse_change_cursor
from brubeck.streams.stream import Stream


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """Where a consumer stands in a stream or partition."""

    consumer: str
    stream: str
    behind: float | None
    """Seconds between the last delivered change and the last one that there is; None before it
    has run."""
    dead: int
    """The number of dead letters, counted up to a bound."""
    process: str
    """The process that reads at present."""


def backlogs(application: HasConsumers) -> Iterator[Backlog]:
    """Yield the backlog of every consumer in every stream and partition."""
    for _, stream, partition, track in followed(application):
        place = track.read()
        yield Backlog(
            consumer=track.consumer,
            stream=track.path,
            behind=behind(None if place is None else place.cursor, stream, partition),
            dead=track.dead(),
            process="" if place is None else place.owner,
        )


def behind(cursor: str | None, stream: Stream, partition: str) -> float | None:
    """Return the seconds between a cursor and the last change; None at the beginning."""
    at = 0 if cursor is None else parse_change_cursor(cursor).position
    head = stream.opened(partition).head().position
    return max(head - at, 0) / 1e6 if at else None
