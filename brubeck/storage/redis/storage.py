"""A Redis as a storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self
from uuid import uuid4
from weakref import WeakValueDictionary

from brubeck.green import Lock
from brubeck.storage.checking import Finding
from brubeck.storage.contract import Storage
from brubeck.storage.lookout import LookOut
from brubeck.storage.records import Attempt, Head, fresh_era
from brubeck.storage.redis.checking import findings
from brubeck.storage.redis.client import RedisClient, client_options
from brubeck.storage.redis.listening import RedisListener
from brubeck.storage.redis.names import StreamNames, read_heads, stream_key
from brubeck.storage.redis.record_stream import RedisRecordStream
from brubeck.storage.redis.scripts import SCRIPTS
from brubeck.storage.redis.security import NO_SECURITY, Security
from brubeck.storage.schema import RecordSchema
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

POLL: Final = 1.0
"""Seconds after which a reader that waits learns of a write of which the notice was lost."""
HEADS: Final = 500
"""The number of heads that are asked for at a time."""


class RedisStorage(Storage):
    """Streams in a Redis: one server, a service that Sentinels watch, or a cluster.

    ``timeout`` is how many seconds an operation may take; waiting for a connection, while ``pool``
    others are under way, and asking Sentinels are part of it.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 2.0,
        pool: int = 50,
        security: Security = NO_SECURITY,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.clock = clock
        self.server = RedisClient(url, timeout=timeout, pool=pool, security=security)
        self.listener = RedisListener(self.server)
        self.look_out = LookOut(self._heads_of, POLL)
        # Anybody may ask for any partition: one that is looked at by nobody is not held.
        self._record_streams: WeakValueDictionary[str, RedisRecordStream] = WeakValueDictionary()
        self._names = StreamNames(self.server)
        self._lock = Lock()

    @classmethod
    def from_url(cls, url: str, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Open ``redis://host:port/database``.

        Also ``redis+sentinel://one:26379,two:26379/service/database``, and
        ``redis+cluster://one:6379,two:6379``; each with ``rediss`` for TLS.
        """
        bare, options = client_options(url)
        return cls(bare, clock=clock, **options)

    def records(self, name: str, schema: RecordSchema) -> RedisRecordStream:
        """Return the stream of a name."""
        with self._lock:
            known = self._record_streams.get(name)
            if known is None:
                known = self._record_streams[name] = RedisRecordStream(
                    self.server, self.listener, self.look_out, self.clock, name, schema
                )
            known.ask(schema)
            return known

    def new_era(self) -> str:
        """Begin a new era in every stream and return its name."""
        era = fresh_era()
        names = self.streams()
        with self.server.commands(several=True) as client:
            for name in names:
                SCRIPTS["new_era"](client, stream_key(name), era)
        return era

    def hit(self, key: str, window: float) -> int:
        """Count one more hit on a key and return how many there are in its window."""
        now = self.clock.micros() / 1e6
        with self.server.commands() as client:
            return int(SCRIPTS["hit"](client, f"brubeck:hits:{key}", now, window))

    def attempt(
        self, key: str, digest: bytes, plan: bytes, *, lease: float, keep: float
    ) -> Attempt:
        """Note that a request is about to be carried out; see `Storage.attempt`."""
        now = self.clock.micros() / 1e6
        asks = uuid4().hex
        with self.server.commands() as client:
            known = SCRIPTS["attempt"](
                client, f"brubeck:attempts:{key}", now, digest, plan, lease, keep, asks
            )
        return Attempt(known[0], known[1], known[2], bool(known[3]))

    def conclude(self, key: str, answer: bytes | None) -> None:
        """Keep the answer of an attempt, or give it back."""
        args = () if answer is None else (answer,)
        with self.server.commands() as client:
            SCRIPTS["conclude"](client, f"brubeck:attempts:{key}", *args)

    def streams(self, prefix: str = "") -> list[str]:
        """Return the names of the streams that have been written to."""
        self._names.look()
        return self._names.below(prefix)

    def heads(self, prefix: str = "") -> dict[str, Head]:
        """Return the heads of the streams that have been written to, by name.

        A stream that another process has begun may be missing for twenty times as long as a look at
        all keys of the server takes.
        """
        with self._lock:
            known = [name for name in self._record_streams if name.startswith(prefix)]
        names = list(dict.fromkeys((*self._names.lately(prefix), *known)))
        heads: dict[str, Head] = {}
        for start in range(0, len(names), HEADS):
            heads |= self._heads_of(names[start : start + HEADS])
        return heads

    def _heads_of(self, names: Sequence[str]) -> dict[str, Head]:
        with self.server.commands() as client:
            return read_heads(client, names)

    def check(self) -> list[Finding]:
        """Return the findings about the server's eviction, replicas and persistence."""
        return findings(self.server)

    def close(self) -> None:
        """Close every connection; readers that wait end."""
        self.listener.close()
        for queryset in list(self._record_streams.values()):
            queryset.notifier.close()
        self.server.close()
