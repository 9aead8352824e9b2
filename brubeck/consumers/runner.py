"""Running consumers: a green thread for each of their streams, for as long as the process works."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import traceback
from math import inf
from time import monotonic
from typing import Final, NamedTuple

import msgspec

from brubeck import green
from brubeck.consumers.consumer import ConsumedChange, Consumer, name_of
from brubeck.consumers.due import Due
from brubeck.consumers.stopping import Stop
from brubeck.consumers.track import DeadLetter, LeaseLost, Track, beginning_of, query_after
from brubeck.handlers.program import Program
from brubeck.storage import Change, Changes, Head, LostCursor, RecordStream, Unavailable
from brubeck.streams.cursors import ChangeCursor, parse_change_cursor
from brubeck.streams.stream import Stream

log = logging.getLogger("brubeck.consumers")

STEP: Final = 100
"""The number of changes that are read at a time."""
SAVE_SECONDS: Final = 1.0
"""Seconds after which a position is saved at the latest."""
_WAIT: Final = 2.0
"""Seconds to wait for a change of a stream, until its lease may have run out elsewhere."""
_TURN: Final = 1.0
"""Seconds after which the next partition has its turn, however many changes of one are left."""
_AGAIN: Final = 0.5
"""Seconds between two looks at the partitions of a stream, at the least."""
_REST: Final = 4
"""How many times as long as a look the pause after it is, at the least."""
_LONGEST_PAUSE: Final = 60.0
_MAX_TRACEBACK: Final = 8000


class Later(Exception):
    """The change in hand has failed, and comes again after a pause; others go on meanwhile."""


class Postponed(NamedTuple):
    """A change that has failed: after how many attempts, and when the next one may begin.

    It is the one at a position of an era. Once the track is past it, another process has had it.
    """

    attempt: int
    not_before: float
    position: int
    era: str


class Runner:
    """A consumer in one of its streams, in this process."""

    def __init__(
        self, program: Program, consumer: type[Consumer], stream: Stream, stopping: Stop
    ) -> None:
        self._consumer = consumer(program)
        self._name, self._stream, self._stopping = name_of(consumer), stream, stopping
        self._lease = program.settings.jobs.lease
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._tracks: dict[str, Track] = {}
        self._due = Due(stream)
        self._began = False
        self._postponed: dict[str, Postponed] = {}
        self.attempt_until = inf
        """The moment at which the attempt in hand has lasted too long."""

    def run(self) -> None:
        """Deliver changes until the process stops."""
        title = f"{self._name} of {self._stream.spec.path.template}"
        green.supervise(self._turn, title, pause=1.0)

    def _turn(self) -> bool:
        if self._stopping.is_set():
            return False
        began = monotonic()
        try:
            moved = self.catch_up(_TURN)
        except (Unavailable, LeaseLost) as reason:
            log.warning("%s: %s; going on from the last saved position", self._name, reason)
            self._stopping.wait(1.0)
            return True
        if not moved:
            self._wait(between=min(max(_AGAIN, _REST * (monotonic() - began)), _LONGEST_PAUSE))
        return True

    @property
    def pause(self) -> float | None:
        """The seconds until a change that has failed may be tried again; None without one."""
        moments = [each.not_before for each in self._postponed.values()]
        return max(min(moments) - monotonic(), 0.0) if moments else None

    def _wait(self, between: float) -> None:
        if self.pause is not None:
            # One that is due and was not delivered is in the hands of another process.
            self._stopping.wait(min(self.pause or _AGAIN, between))
            return
        if self._stream.spec.path.partition:
            self._stopping.wait(between)
            return
        place = self._track("").read()
        position = 0 if place is None else parse_change_cursor(place.cursor).position
        until = monotonic() + _WAIT
        while not self._stopping.is_set() and (left := until - monotonic()) > 0:
            if self._stream.opened("").wait(position, min(left, _AGAIN)):
                # Another process may have it in hand; then there is nothing to do here.
                if place is not None and place.owner not in ("", self._owner):
                    self._stopping.wait(_AGAIN)
                return

    def catch_up(self, turn: float = inf) -> int:
        """Deliver the present changes of every partition, and return their number.

        A partition that has changes for longer than ``turn`` seconds goes on after the others.
        """
        self._begin()
        return sum(self._read(partition, head, turn) for partition, head in self._due.find())

    def _begin(self) -> None:
        """Begin the tracks of a consumer that runs for the first time, each where it is to start.

        A partition that is there only later is read from its beginning.
        """
        if self._began:
            return
        mark = Track(self._name, self._stream, "#")
        if mark.read() is None:
            for partition in self._stream.partitions():
                records = self._stream.opened(partition)
                self._track(partition).begin(beginning_of(records, self._consumer.start))
            mark.begin("0")
        self._began = True

    def _track(self, partition: str) -> Track:
        found = self._tracks.get(partition)
        if found is None:
            found = Track(self._name, self._stream, partition, self._owner, self._lease)
            self._tracks[partition] = found
        return found

    def _read(self, partition: str, head: Head | None, turn: float) -> int:
        """Deliver the changes of a partition, if this process has or gets the lease.

        ``head`` is the one that it had when it was found to be due.
        """
        track, records = self._track(partition), self._stream.opened(partition)
        place = track.read()
        if place is None:
            track.begin("0")
            place = track.read()
        if place is None:
            return 0
        if _is_at_end(records, place.cursor):
            self._postponed.pop(partition, None)
            self._due.note_end(partition, track.id, head)
            return 0
        if self._is_postponed(partition, parse_change_cursor(place.cursor)):
            return 0
        place = track.acquire()
        if place is None:
            return 0
        reading = _Reading(self, track, records, partition)
        try:
            return reading.run(place.cursor, monotonic() + turn)
        finally:
            reading.end()

    def _is_postponed(self, partition: str, at: ChangeCursor) -> bool:
        """Return whether a change that has failed is still to wait, by the place of its track."""
        postponed = self._postponed.get(partition)
        if postponed is None:
            return False
        if at.position >= postponed.position or at.era not in (None, postponed.era):
            del self._postponed[partition]
            return False
        return monotonic() < postponed.not_before

    def deliver(self, partition: str, change: Change, found: Changes) -> DeadLetter | None:
        """Give a change to the consumer; return a dead letter when no attempt succeeds."""
        stream = self._stream.spec.path.at(partition)
        record = change.record
        given = ConsumedChange(
            key=f"{stream.strip('/')}:{change.id}:{change.position}",
            stream=stream,
            partition=partition,
            op="delete" if record is None else "put",
            id=change.id,
            document=None if record is None else self._stream.spec.model.decode_stored(record.body),
            position=change.position,
            version=0 if record is None else record.version,
            cursor=str(ChangeCursor(change.position, found.era, found.began)),
        )
        former = self._postponed.get(partition)
        is_again = former and (former.position, former.era) == (change.position, found.era)
        attempt = former.attempt + 1 if former and is_again else 1
        self.attempt_until = monotonic() + self._consumer.timeout
        try:
            with green.timeout(self._consumer.timeout):
                self._consumer.changed(msgspec.structs.replace(given, attempt=attempt))
        except (Exception, SystemExit) as reason:  # noqa: BLE001, whatever it is counts as a failure
            text = _text(reason)
            log.warning("%s failed at %s, attempt %d: %s", self._name, given.key, attempt, text)
            if attempt < self._consumer.attempts:
                pause = min(self._consumer.backoff * 2 ** (attempt - 1), _LONGEST_PAUSE)
                self._postponed[partition] = Postponed(
                    attempt, monotonic() + pause, change.position, found.era
                )
                raise Later from None
            self._postponed.pop(partition, None)
            return self._letter(given, reason)
        finally:
            self.attempt_until = inf
        self._postponed.pop(partition, None)
        return None

    def _letter(self, given: ConsumedChange, reason: BaseException) -> DeadLetter:
        try:
            text = "".join(traceback.format_exception(reason))[-_MAX_TRACEBACK:]
        except Exception:  # noqa: BLE001, its own text fails
            text = "".join(traceback.format_tb(reason.__traceback__))[-_MAX_TRACEBACK:]
        return DeadLetter(
            id=self._track(given.partition).letter_id(given.position),
            consumer=self._name,
            key=given.key,
            item=given.id,
            op=given.op,
            reason=f"{type(reason).__name__}: {_text(reason)}"[:1000],
            traceback=_sound(text),
            at=self._stream.clock.micros() // 1000,
        )

    def lost(self, partition: str) -> None:
        """Call the hook `lost` of the consumer."""
        stream = self._stream.spec.path.at(partition)
        log.error("%s has lost its place in %s and starts over", self._name, stream)
        try:
            self._consumer.lost(stream)
        except Exception:
            log.exception("%s.lost failed; it starts over all the same", self._name)

    @property
    def stops(self) -> bool:
        """Whether the process is to stop."""
        return self._stopping.is_set()


class _Reading:
    """The time for which this process has the lease of a track."""

    def __init__(self, runner: Runner, track: Track, records: RecordStream, partition: str) -> None:
        self._runner, self._track, self._records = runner, track, records
        self._partition = partition
        self._lock = green.Lock()
        self._over = green.Event()
        self._is_lost = False
        green.spawn(self._renew)

    def end(self) -> None:
        """End the renewal of the lease."""
        self._over.set()

    def _renew(self) -> None:
        green.supervise(self._renew_once, f"Renewing the lease of {self._track.path}")

    def _renew_once(self) -> bool:
        if self._over.wait(self._track.lease / 3):
            return False
        if monotonic() > self._runner.attempt_until:
            # On plain threads it cannot be interrupted: then others take over.
            log.error("An attempt of %s hangs; its lease is given up", self._track.path)
            self._is_lost = True
            return False
        try:
            self._save(None)
        except LeaseLost:
            self._is_lost = True
        return not self._is_lost

    def _save(self, cursor: str | None, *, release: bool = False) -> None:
        with self._lock:
            if not self._over.is_set() or release:
                self._track.save(cursor, release=release)

    def run(self, cursor: str, until: float) -> int:
        """Deliver from a cursor to the end of the stream, or until a moment; return how many."""
        query = query_after(cursor, STEP)
        delivered, saved = 0, monotonic()
        while True:
            try:
                found = self._records.changes(query)
            except LostCursor:
                self._runner.lost(self._partition)
                cursor = "0"
                self._save(cursor)
                query = query_after(cursor, STEP)
                continue
            for change in found.changes:
                if self._runner.stops or self._is_lost:
                    self._leave(cursor)
                    return delivered
                try:
                    letter = self._runner.deliver(self._partition, change, found)
                except Later:
                    self._leave(cursor)
                    return delivered
                if letter is not None:
                    self._track.archive(letter)
                delivered += 1
                cursor = str(ChangeCursor(change.position, found.era, found.began))
                if monotonic() > until:
                    self._leave(cursor)
                    return delivered
                if monotonic() - saved > SAVE_SECONDS:
                    self._save(cursor)
                    saved = monotonic()
            cursor = str(ChangeCursor(found.position, found.era, found.began))
            query = msgspec.structs.replace(
                query, after=found.position, era=found.era, began=found.began
            )
            if found.caught_up or monotonic() > until:
                self._leave(cursor)
                return delivered
            self._save(cursor)

    def _leave(self, cursor: str) -> None:
        """Save the cursor and give the lease back."""
        if not self._is_lost:
            self._over.set()
            self._save(cursor, release=True)


def _is_at_end(records: RecordStream, cursor: str) -> bool:
    """Return whether nothing has changed since a cursor; another era is a change."""
    head, at = records.head(), parse_change_cursor(cursor)
    if not at.position and at.era is None:
        return not head.position
    return at.era == head.era and at.position >= head.position


def _text(reason: BaseException) -> str:
    """Return the text of an exception, also of one that cannot say it."""
    try:
        return _sound(str(reason))
    except Exception:  # noqa: BLE001, whatever its own method raises
        return "(without a text)"


def _sound(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "")
