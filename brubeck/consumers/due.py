"""`Due`: the partitions in which a consumer may have something to do.

There may be very many, since anybody who may write may begin one. So a look asks the storage for
the heads of all of them together, and goes to those alone that have changed, or whose track has,
since the consumer was seen at their end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brubeck import green
from brubeck.consumers.track import TRACKS, beginning_of, query_after
from brubeck.storage import Head, LostCursor, RecordSchema
from brubeck.streams.cursors import ChangeCursor
from brubeck.streams.stream import Stream

_STEP: Final = 1000
"""The number of changes of tracks that are read at a time."""


class Due:
    """The partitions of a stream in which a consumer may have something to do."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._cursor: str | None = None
        """The cursor in the changes of all tracks up to which they were looked at."""
        self._ends: dict[str, tuple[int, str]] = {}
        """The position and era of each partition at which the consumer has everything."""
        self._partitions: dict[str, str] = {}
        """The partition of each track."""

    def find(self) -> Iterator[tuple[str, Head | None]]:
        """Yield each partition with something to do, and its head before it was looked at.

        A stream without partitions is always looked at itself.
        """
        path = self._stream.spec.path
        if not path.partition:
            yield "", None
            return
        self._forget_moved()
        prefix = path.stream("")
        for name, head in green.fairly(self._stream.store.heads(prefix).items()):
            partition = name.removeprefix(prefix)
            if self._ends.get(partition) != (head.position, head.era):
                yield partition, head

    def note_end(self, partition: str, track: str, head: Head | None) -> None:
        """Note that the consumer has everything of a partition up to a head."""
        if head is not None:
            self._ends[partition] = head.position, head.era
            self._partitions[track] = partition

    def _forget_moved(self) -> None:
        """Forget the ends of tracks that have been moved since: it may be to the beginning."""
        tracks = self._stream.store.records(TRACKS, RecordSchema({}))
        if self._cursor is None:
            self._cursor = beginning_of(tracks, "now")
        while True:
            try:
                found = tracks.changes(query_after(self._cursor, _STEP))
            except LostCursor:
                self._ends.clear()
                self._cursor = beginning_of(tracks, "now")
                return
            for change in green.fairly(found.changes):
                self._ends.pop(self._partitions.get(change.id, ""), None)
            self._cursor = str(ChangeCursor(found.position, found.era, found.began))
            if found.caught_up:
                return
