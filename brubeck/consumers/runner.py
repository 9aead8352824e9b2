"""Running consumers: a green thread for each of their streams, for as long as the process works."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import traceback
from collections.abc import Sequence
from time import monotonic
from typing import Final, Protocol

import msgspec

from brubeck import green
from brubeck.consumers.consumer import ConsumedChange, Consumer, name_of, streams_of
from brubeck.consumers.track import DeadLetter, LeaseLost, Track, beginning_of
from brubeck.errors import ConfigError
from brubeck.handlers.program import Program
from brubeck.storage import Change, Changes, ChangesQuery, LostCursor, RecordStream, Unavailable
from brubeck.streams import StreamHandler
from brubeck.streams.cursors import ChangeCursor, parse_change_cursor
from brubeck.streams.stream import Stream

log = logging.getLogger("brubeck.consumers")

STEP: Final = 100
"""The number of changes that are read at a time."""
SAVE_SECONDS: Final = 1.0
"""Seconds after which a position is saved at the latest."""
_WAIT: Final = 2.0
"""Seconds to wait for a change of a stream, until its lease may have run out elsewhere."""
_AGAIN: Final = 0.5
"""Seconds between two looks at the partitions of a stream."""
_LOOK: Final = 0.1
_LONGEST_PAUSE: Final = 60.0
_MAX_TRACEBACK: Final = 8000


class ConsumingProgram(Program, Protocol):
    """A program with consumers; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]

    @property
    def consumers(self) -> Sequence[type[Consumer]]:
        """The consumers of the program."""


class Stopping(Exception):
    """The process is to stop; the change in hand comes again."""


class Stop:
    """A flag that a signal handler may set: unlike an event, it has no lock that may be held."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Set it."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, or so many seconds; return whether it is."""
        until = monotonic() + seconds
        while not self._is_set and (left := until - monotonic()) > 0:
            green.sleep(min(left, _LOOK))
        return self._is_set


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
        self._began = False

    def run(self) -> None:
        """Deliver changes until the process stops."""
        title = f"{self._name} of {self._stream.spec.path.template}"
        green.supervise(self._turn, title, pause=1.0)

    def _turn(self) -> bool:
        if self._stopping.is_set():
            return False
        try:
            moved = self.catch_up()
        except (Unavailable, LeaseLost) as reason:
            log.warning("%s: %s; going on from the last saved position", self._name, reason)
            self._stopping.wait(1.0)
            return True
        except Stopping:
            return False
        if not moved:
            self._wait()
        return True

    def _wait(self) -> None:
        if self._stream.spec.path.partition:
            self._stopping.wait(_AGAIN)
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

    def catch_up(self) -> int:
        """Deliver what there is now in every partition, and return how many changes it was."""
        self._begin()
        return sum(self._read(partition) for partition in self._stream.partitions())

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

    def _read(self, partition: str) -> int:
        """Deliver the changes of a partition, if this process has or gets the lease."""
        track, records = self._track(partition), self._stream.opened(partition)
        place = track.read()
        if place is None:
            track.begin("0")
            place = track.read()
        if place is None or _is_at_end(records, place.cursor):
            return 0
        place = track.acquire()
        if place is None:
            return 0
        reading = _Reading(self, track, records, partition)
        try:
            return reading.run(place.cursor)
        finally:
            reading.end()

    def deliver(self, partition: str, change: Change, found: Changes) -> DeadLetter | None:
        """Give a change to the consumer; return a dead letter when no attempt succeeds."""
        stream = self._stream.spec.path.at(partition)
        record = change.record
        given = ConsumedChange(
            key=f"{stream.strip('/')}:{found.era}:{change.position}",
            stream=stream,
            partition=partition,
            op="delete" if record is None else "put",
            id=change.id,
            document=None if record is None else self._stream.spec.model.decode_stored(record.body),
            position=change.position,
            cursor=str(ChangeCursor(change.position, found.era, found.began)),
        )
        pause = float(self._consumer.backoff)
        for attempt in range(1, self._consumer.attempts + 1):
            try:
                with green.timeout(self._consumer.timeout):
                    self._consumer.changed(msgspec.structs.replace(given, attempt=attempt))
            except Exception as reason:  # noqa: BLE001, whatever it is counts as a failure
                log.warning(
                    "%s failed at %s, attempt %d: %s",
                    self._name,
                    given.key,
                    attempt,
                    _sound(str(reason)),
                )
                if attempt == self._consumer.attempts:
                    return self._letter(given, reason)
                if self._stopping.wait(pause):
                    raise Stopping from None
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return None
        return None

    def _letter(self, given: ConsumedChange, reason: Exception) -> DeadLetter:
        text = "".join(traceback.format_exception(reason))[-_MAX_TRACEBACK:]
        return DeadLetter(
            id=self._track(given.partition).letter_id(given.position),
            consumer=self._name,
            key=given.key,
            item=given.id,
            op=given.op,
            reason=_sound(f"{type(reason).__name__}: {reason}"[:1000]),
            traceback=_sound(text),
            at=self._stream.clock.micros() // 1000,
        )

    def lost(self, partition: str) -> None:
        """Tell the consumer that its place is lost."""
        stream = self._stream.spec.path.at(partition)
        log.error("%s has lost its place in %s and starts over", self._name, stream)
        self._consumer.lost(stream)

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
        try:
            self._save(None)
        except LeaseLost:
            self._is_lost = True
        return not self._is_lost

    def _save(self, cursor: str | None, *, release: bool = False) -> None:
        with self._lock:
            if not self._over.is_set() or release:
                self._track.save(cursor, release=release)

    def run(self, cursor: str) -> int:
        """Deliver from a cursor to the end of the stream, and return how many changes it was."""
        query = _query(cursor)
        delivered, saved = 0, monotonic()
        while True:
            try:
                found = self._records.changes(query)
            except LostCursor:
                self._runner.lost(self._partition)
                cursor = "0"
                self._save(cursor)
                query = _query(cursor)
                continue
            for change in found.changes:
                if self._runner.stops or self._is_lost:
                    self._leave(cursor)
                    return delivered
                letter = self._deliver(change, found, cursor)
                if letter is not None:
                    self._track.bury(letter)
                delivered += 1
                cursor = str(ChangeCursor(change.position, found.era, found.began))
                if monotonic() - saved > SAVE_SECONDS:
                    self._save(cursor)
                    saved = monotonic()
            cursor = str(ChangeCursor(found.position, found.era, found.began))
            query = msgspec.structs.replace(
                query, after=found.position, era=found.era, began=found.began
            )
            if found.caught_up:
                self._leave(cursor)
                return delivered
            self._save(cursor)

    def _deliver(self, change: Change, found: Changes, cursor: str) -> DeadLetter | None:
        try:
            return self._runner.deliver(self._partition, change, found)
        except Stopping:
            self._leave(cursor)
            raise

    def _leave(self, cursor: str) -> None:
        """Save the cursor and give the lease back."""
        if not self._is_lost:
            self._over.set()
            self._save(cursor, release=True)


def _query(cursor: str) -> ChangesQuery:
    at = parse_change_cursor(cursor)
    position = at.position if at.position or at.began else None
    return ChangesQuery(limit=STEP, after=position, era=at.era, began=at.began)


def _is_at_end(records: RecordStream, cursor: str) -> bool:
    """Return whether nothing has changed since a cursor; another era is a change."""
    head, at = records.head(), parse_change_cursor(cursor)
    if not at.position and at.era is None:
        return not head.position
    return at.era == head.era and at.position >= head.position


def _sound(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "")


def runners(program: ConsumingProgram, stopping: Stop) -> list[Runner]:
    """Return a runner for each stream of each consumer; `ConfigError` for one not served."""
    found, names = [], set()
    for consumer in program.consumers:
        if name_of(consumer) in names:
            raise ConfigError(f"Two consumers are called {name_of(consumer)}; set name.")
        names.add(name_of(consumer))
        for stream in streams_of(consumer):
            if stream not in program.streams:
                raise ConfigError(
                    f"{consumer.__name__}.stream is {stream.__name__}, which the program does not "
                    f"serve: streams=[{stream.__name__}]."
                )
            found.append(Runner(program, consumer, program.stream(stream), stopping))
    return found


def catch_up(program: ConsumingProgram) -> int:
    """Deliver to every consumer what there is now, and return how many changes it was; for tests.

    A consumer that starts ``'now'`` begins by the first call.
    """
    return sum(each.catch_up() for each in runners(program, Stop()))


class ConsumersConnection:
    """The consumers of a program in this process: `serve` until `stop`.

    Raises `ConfigError` for a consumer of a stream that only the serving process can see.
    """

    def __init__(self, program: ConsumingProgram) -> None:
        self._stop = Stop()
        self._runners = runners(program, self._stop)
        for consumer in program.consumers:
            for stream in streams_of(consumer):
                if not program.store(stream.storage).shared:
                    raise ConfigError(
                        f"{consumer.__name__} cannot see {stream.path} from this process: it is "
                        "kept in the memory of the one that serves. Give it a store that "
                        "processes share."
                    )

    def serve(self) -> None:
        """Run every consumer, each in a green thread, until `stop`; then wait for all of them."""
        left = len(self._runners)

        def run(runner: Runner) -> None:
            nonlocal left
            try:
                runner.run()
            finally:
                left -= 1

        for runner in self._runners:
            green.spawn(run, runner)
        while left:
            green.sleep(_LOOK)

    def stop(self) -> None:
        """Let `serve` finish the changes in hand and return; a signal handler may call it."""
        self._stop.set()
