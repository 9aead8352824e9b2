"""The dead letters of a program's consumers: found, delivered once more, or dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, cast

from brubeck.consumers.consumer import ConsumedChange, Consumer, name_of, streams_of
from brubeck.consumers.track import DeadLetter, Track
from brubeck.handlers.program import Program
from brubeck.storage import Record
from brubeck.streams import StreamHandler
from brubeck.streams.local import LocalStream


class HasConsumers(Protocol):
    """A program with consumers."""

    @property
    def consumers(self) -> Sequence[type[Consumer]]:
        """The consumers."""

    def stream(self, declaration: type[StreamHandler]) -> LocalStream:
        """Return a stream of the program."""


class Followed(NamedTuple):
    """A stream, or a partition of one, that a consumer reads."""

    consumer: type[Consumer]
    stream: LocalStream
    partition: str
    track: Track


def followed(application: HasConsumers) -> Iterator[Followed]:
    """Yield the streams and partitions of every consumer."""
    for consumer in application.consumers:
        for declaration in streams_of(consumer):
            stream = application.stream(declaration)
            for partition in stream.partitions():
                track = Track(name_of(consumer), stream, partition)
                yield Followed(consumer, stream, partition, track)


def deliver_again(application: HasConsumers, place: Followed, letter: DeadLetter) -> None:
    """Give a change to its consumer once more, with the item as it is now; raises as it does.

    The ``key`` is that of the first delivery; an item that is gone meanwhile is a deletion. The
    letter is removed when the consumer has returned.
    """
    (found,) = place.stream.opened(place.partition).get([letter.item], None)
    record = found if isinstance(found, Record) else None
    change = ConsumedChange(
        key=letter.key,
        stream=place.track.path,
        partition=place.partition,
        op="delete" if record is None else "put",
        id=letter.item,
        document=None if record is None else place.stream.spec.model.decode_stored(record.body),
        version=0 if record is None else record.version,
        position=int(letter.key.rpartition(":")[2]),
        cursor="",
        attempt=place.consumer.attempts + 1,
    )
    place.consumer(cast("Program", application)).changed(change)
    place.track.forget(letter.id)
