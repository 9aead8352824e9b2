"""`Track`: a consumer's place in one stream or partition, and the lease of the process that reads.

Both are one record in the stream's own store, so a process that has lost its lease cannot save a
position any more: another one's write has moved the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from hashlib import blake2b
from typing import Final
from uuid import uuid4

import msgspec

from brubeck.documents.repository import Repository
from brubeck.storage import (
    ChangesQuery,
    Delete,
    PageQuery,
    Put,
    Record,
    RecordSchema,
    RecordStream,
    Written,
)
from brubeck.streams.cursors import ChangeCursor, parse_change_cursor
from brubeck.streams.stream import Stream

TRACKS: Final = "#consumers"
"""The name of the stream of places in a store; no path of a stream has a ``#``."""
DEAD: Final = "#consumers.dead."
"""The beginning of the names of the streams of dead letters in a store, one a track."""
COUNTED: Final = 10_000
"""The number up to which dead letters are counted."""


class LeaseLost(Exception):
    """Another process reads this track now."""


class TrackState(msgspec.Struct, kw_only=True):
    """The record of a track: where its consumer stands, and which process reads until when."""

    id: str
    consumer: str
    stream: str
    cursor: str
    owner: str = ""
    until: int = 0
    """The end of the lease, in milliseconds since the epoch."""


class DeadLetter(msgspec.Struct, kw_only=True):
    """A change that a consumer could not be given: its key, and why not."""

    id: str
    consumer: str
    key: str
    item: str
    op: str
    reason: str
    traceback: str
    at: int
    """The time of the last attempt, in milliseconds since the epoch."""


class Track:
    """One consumer in one stream or partition.

    ``owner`` names the process, and ``lease`` is how many seconds it may give no sign of life
    before others take over.
    """

    def __init__(
        self, consumer: str, stream: Stream, partition: str, owner: str = "", lease: float = 0.0
    ) -> None:
        path = stream.spec.path
        self.consumer, self.path = consumer, path.at(partition)
        self._owner, self._clock = owner, stream.clock
        self.lease = lease
        self._places = stream.store.records(TRACKS, RecordSchema({}))
        self.id = track_id(consumer, path.stream(partition))
        self._former_id = f"{consumer}.{_digest(path.stream(partition), 6)}"
        self._store = stream.store
        self._position: int | None = None
        self._place: TrackState | None = None

    def read(self) -> TrackState | None:
        """Return the place, None for a track that nobody has begun."""
        found = self._places.get([self.id])[0]
        if not isinstance(found, Record):
            self._position = None
            return None
        self._position = found.position
        self._place = msgspec.json.decode(found.body, type=TrackState)
        return self._place

    def begin(self, cursor: str) -> None:
        """Begin the track at a cursor, unless it has begun.

        One that was begun under its former, shorter id goes on from there.
        """
        (found,) = self._places.get([self._former_id])
        if isinstance(found, Record):
            former = msgspec.json.decode(found.body, type=TrackState)
            cursor = former.cursor if former.stream == self.path else cursor
        place = TrackState(id=self.id, consumer=self.consumer, stream=self.path, cursor=cursor)
        self._write(place, None)

    def acquire(self) -> TrackState | None:
        """Return the place with this process as its owner, or None where another one has it."""
        place = self.read()
        now = self._clock.micros() // 1000
        if place is None or (place.owner not in ("", self._owner) and place.until > now):
            return None
        return place if self._save(place.cursor, self._owner) else None

    def save(self, cursor: str | None = None, *, release: bool = False) -> None:
        """Save a cursor, or keep the one there is; the lease lasts on, or ends.

        Raises `LeaseLost`.
        """
        place = self._place
        if place is None or not self._save(cursor or place.cursor, "" if release else self._owner):
            raise LeaseLost(self.path)

    def _save(self, cursor: str, owner: str) -> bool:
        until = self._clock.micros() // 1000 + int(self.lease * 1000) if owner else 0
        place = TrackState(
            id=self.id,
            consumer=self.consumer,
            stream=self.path,
            cursor=cursor,
            owner=owner,
            until=until,
        )
        return self._write(place, self._position)

    def _write(self, place: TrackState, expected: int | None) -> bool:
        put = Put(
            id=self.id,
            created_at=self._clock.micros() // 1000,
            body=msgspec.json.encode(place),
            token=uuid4().hex,
            expected=expected,
        )
        (outcome,) = self._places.write([put])
        if not isinstance(outcome, Written):
            return False
        self._position, self._place = outcome.position, place
        return True

    def move(self, cursor: str) -> bool:
        """Move the track to a cursor, whichever process has it: that one loses its lease.

        Returns False where another writer came first.
        """
        self.read()
        return self._save(cursor, "")

    def remove(self) -> None:
        """Forget the place."""
        self._places.write([Delete(id=self.id, token=uuid4().hex)])

    # Dead letters.

    @cached_property
    def _dead(self) -> RecordStream:
        return self._store.records(f"{DEAD}{self.id}", RecordSchema({}))

    def archive(self, letter: DeadLetter) -> None:
        """Keep a change that cannot be delivered; one that was kept before stays as it is."""
        body = msgspec.json.encode(letter)
        put = Put(id=letter.id, created_at=letter.at, body=body, token=uuid4().hex)
        self._dead.write([put])

    def dead(self) -> int:
        """Return the number of dead letters, counted up to `COUNTED`."""
        return self._dead.count(PageQuery(limit=COUNTED)).total

    def letters(self) -> Iterator[DeadLetter]:
        """Yield the dead letters, the newest first."""
        for record in Repository(self._dead).walk():
            yield msgspec.json.decode(record.body, type=DeadLetter)

    def forget(self, letter: str) -> bool:
        """Remove a dead letter; return whether there was one."""
        (outcome,) = self._dead.write([Delete(id=letter, token=uuid4().hex)])
        return isinstance(outcome, Written)

    def letter_id(self, position: int) -> str:
        """Return the id of the dead letter of a change."""
        return f"{self.id}.{position}"


def track_id(consumer: str, stream: str) -> str:
    """Return the id of the record of a track.

    The digest is long enough that nobody finds two partitions with one: strangers may choose their
    names, and one would then hide the changes of the other.

    >>> track_id('Notify', 'quakes')
    'Notify.c3d82320734d9ce1ae0caba3ecb123cb49ef34b0'
    """
    return f"{consumer}.{_digest(stream, 20)}"


def _digest(stream: str, size: int) -> str:
    return blake2b(stream.encode(), digest_size=size).hexdigest()


def query_after(cursor: str, limit: int) -> ChangesQuery:
    """Return the query for the changes after a cursor, so many at a time."""
    at = parse_change_cursor(cursor)
    position = at.position if at.position or at.began else None
    return ChangesQuery(limit=limit, after=position, era=at.era, began=at.began)


def beginning_of(records: RecordStream, start: str) -> str:
    """Return the cursor at which a new track begins."""
    if start == "beginning":
        return "0"
    head = records.head()
    return str(ChangeCursor(head.position, head.era)) if head.position else "0"
