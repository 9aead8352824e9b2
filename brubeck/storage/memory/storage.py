"""The streams of this process, its counters and its attempts."""

from __future__ import annotations

from typing import Self
from weakref import WeakValueDictionary

from brubeck import green
from brubeck.errors import ConfigError
from brubeck.green import Lock
from brubeck.storage.change_cursor import CHANGES_PER_STEP
from brubeck.storage.checking import Finding, note
from brubeck.storage.contract import Storage
from brubeck.storage.errors import Unavailable
from brubeck.storage.memory.record_stream import MemoryRecordStream
from brubeck.storage.records import (
    Attempt,
    Head,
    fresh_era,
)
from brubeck.storage.schema import RecordSchema
from brubeck.storage.urls import redacted
from brubeck.timekeeping import SYSTEM_CLOCK, Clock


class _Attempt:
    """A request that may be sent again, and until when it is kept and leased."""

    __slots__ = ("answer", "digest", "ends", "leased", "plan")

    def __init__(self, digest: bytes, plan: bytes, ends: float) -> None:
        self.digest, self.plan, self.ends = digest, plan, ends
        self.answer: bytes | None = None
        self.leased = 0.0


class MemoryStorage(Storage):
    """Streams in this process; each storage that is made is one of its own."""

    shared = False

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self.era = fresh_era()
        # Anybody may ask for any partition: only one that was written to stays for good.
        self._record_streams: WeakValueDictionary[str, MemoryRecordStream] = WeakValueDictionary()
        self.kept: set[MemoryRecordStream] = set()
        self._hits: dict[str, tuple[float, int]] = {}
        self._attempts: dict[str, _Attempt] = {}
        # So many there may be before what has ended is let go: a look at all of them each time
        # would cost the more the more there are that have not.
        self._hits_room = self._attempts_room = CHANGES_PER_STEP
        self._lock = Lock()
        self._closed = False

    @classmethod
    def from_url(cls, url: str, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Open ``memory://``, which takes nothing more."""
        if url != "memory://":
            raise ConfigError(f'memory:// takes nothing more: "{redacted(url)}".')
        return cls(clock=clock)

    def check_open(self) -> None:
        """Raise `Unavailable` once the storage is closed."""
        if self._closed:
            raise Unavailable("The storage is closed.")

    def records(self, name: str, schema: RecordSchema) -> MemoryRecordStream:
        """Return the stream of a name."""
        with self._lock:
            self.check_open()
            known = self._record_streams.get(name)
            if known is None:
                known = self._record_streams[name] = MemoryRecordStream(self, schema)
            known.index(schema)
            return known

    def new_era(self) -> str:
        """Begin a new era and return its name."""
        self.era = fresh_era()
        for queryset in list(self._record_streams.values()):
            queryset.wake()
        return self.era

    def hit(self, key: str, window: float) -> int:
        """Count one more hit on a key and return how many there are in its window."""
        now = self.clock.micros() / 1e6
        with self._lock:
            self.check_open()
            if len(self._hits) > self._hits_room:
                self._hits = {key: hit for key, hit in self._hits.items() if hit[0] > now}
                self._hits_room = max(CHANGES_PER_STEP, 2 * len(self._hits))
            ends, hits = self._hits.get(key, (now + window, 0))
            if ends <= now:
                ends, hits = now + window, 0
            self._hits[key] = (ends, hits + 1)
            return hits + 1

    def attempt(
        self, key: str, digest: bytes, plan: bytes, *, lease: float, keep: float
    ) -> Attempt:
        """Note that a request is about to be carried out; see `Storage.attempt`."""
        now = self.clock.micros() / 1e6
        with self._lock:
            self.check_open()
            if len(self._attempts) > self._attempts_room:
                self._attempts = {k: each for k, each in self._attempts.items() if each.ends > now}
                self._attempts_room = max(CHANGES_PER_STEP, 2 * len(self._attempts))
            known = self._attempts.get(key)
            if known is None or known.ends <= now:
                known = self._attempts[key] = _Attempt(digest, plan, now + keep)
            ours = known.answer is None and known.leased <= now
            if ours:
                known.leased = now + lease
            return Attempt(known.digest, known.plan, known.answer, ours)

    def conclude(self, key: str, answer: bytes | None) -> None:
        """Keep the answer of an attempt, or give it back."""
        with self._lock:
            self.check_open()
            if known := self._attempts.get(key):
                known.answer, known.leased = answer, 0.0

    def streams(self, prefix: str = "") -> list[str]:
        """Return the names of the streams that have been written to."""
        with self._lock:
            self.check_open()
            return sorted(
                name
                for name, queryset in list(self._record_streams.items())
                if name.startswith(prefix) and queryset.head().position
            )

    def heads(self, prefix: str = "") -> dict[str, Head]:
        """Return the heads of the streams that have been written to, by name."""
        with self._lock:
            self.check_open()
            known = list(self._record_streams.items())
        heads = {
            name: records.head() for name, records in green.fairly(known) if name.startswith(prefix)
        }
        return {name: head for name, head in heads.items() if head.position}

    def check(self) -> list[Finding]:
        """Return the finding that nothing is durable."""
        return [note("it lies in the memory of one process, and is gone with it")]

    def close(self) -> None:
        """Forget everything; readers that wait end."""
        self._closed = True
        for queryset in list(self._record_streams.values()):
            queryset.wake()
