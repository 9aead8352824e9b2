"""A SQLite file as a storage."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote
from weakref import WeakValueDictionary

from brubeck import green
from brubeck.config.values import duration
from brubeck.errors import ConfigError
from brubeck.green import Lock
from brubeck.storage.checking import Finding
from brubeck.storage.contract import Storage
from brubeck.storage.lookout import LookOut
from brubeck.storage.records import Attempt, Head, fresh_era
from brubeck.storage.schema import RecordSchema
from brubeck.storage.sqlite.checking import findings
from brubeck.storage.sqlite.database import Database
from brubeck.storage.sqlite.record_stream import SQLiteRecordStream
from brubeck.storage.sqlite.streams import read_heads, read_heads_of
from brubeck.storage.urls import choice, read_options, redacted, split
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

HEADS: Final = 500
"""How many streams are looked at before others get their turn."""
FORGOTTEN: Final = 100
"""How many rows that have ended are deleted for one that is added."""
POLL: Final = 0.1
"""Seconds after which a waiting reader learns of another process's write."""
OPTIONS: Final = {"timeout": duration, "sync": choice("full", "normal")}


class SQLiteStorage(Storage):
    """Streams in one file, for the processes of one machine.

    ``timeout`` is how long a write waits for other processes' writes. ``sync`` is SQLite's
    ``synchronous``: ``full`` keeps what was acknowledged through a power cut, ``normal`` through
    the death of every process.
    """

    def __init__(
        self, path: str, *, timeout: float = 5.0, sync: str = "full", clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.clock = clock
        self.database = Database(path, timeout=timeout, synchronous=sync)
        self.look_out = LookOut(self._heads_of, POLL)
        # Anybody may ask for any partition: one that is looked at by nobody is not held.
        self._record_streams: WeakValueDictionary[str, SQLiteRecordStream] = WeakValueDictionary()
        self._lock = Lock()

    @classmethod
    def from_url(cls, url: str, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Open ``sqlite:///relative/path`` or ``sqlite:////absolute/path``."""
        parts = split(url)
        path = unquote(parts.path.removeprefix("/"))
        if parts.hosts or not path or path.endswith("/") or path.startswith(":"):
            raise ConfigError(
                f'"{redacted(url)}" names no file: write sqlite:///quakes.db, or sqlite:////var/quakes.db.'
            )
        return cls(path, clock=clock, **read_options(url, OPTIONS))

    def records(self, name: str, schema: RecordSchema) -> SQLiteRecordStream:
        """Return the stream of a name."""
        with self._lock:
            known = self._record_streams.get(name)
            if known is None:
                known = self._record_streams[name] = SQLiteRecordStream(
                    self.database, self.look_out, self.clock, name, schema
                )
            known.ask(schema)
            return known

    def new_era(self) -> str:
        """Begin a new era and return its name."""
        era = fresh_era()
        self.database.write(
            lambda db: db.execute("UPDATE storage SET value = ? WHERE key = 'era'", (era,))
        )
        return era

    def hit(self, key: str, window: float) -> int:
        """Count one more hit on a key and return how many there are in its window."""
        now = self.clock.micros() / 1e6
        return self.database.write(lambda db: _hit(db, key, now, window))

    def attempt(
        self, key: str, digest: bytes, plan: bytes, *, lease: float, keep: float
    ) -> Attempt:
        """Note that a request is about to be carried out; see `Storage.attempt`."""
        now = self.clock.micros() / 1e6

        def job(db: sqlite3.Connection) -> Attempt:
            _forget(db, "attempts", key, now)
            db.execute(
                "INSERT INTO attempts VALUES (?, ?, ?, NULL, ?, 0) ON CONFLICT DO NOTHING",
                (key, digest, plan, now + keep),
            )
            row = db.execute(
                "SELECT digest, plan, answer, leased FROM attempts WHERE key = ?", (key,)
            ).fetchone()
            ours = row[2] is None and row[3] <= now
            if ours:
                db.execute("UPDATE attempts SET leased = ? WHERE key = ?", (now + lease, key))
            return Attempt(row[0], row[1], row[2], ours)

        return self.database.write(job)

    def conclude(self, key: str, answer: bytes | None) -> None:
        """Keep the answer of an attempt, or give it back."""
        self.database.write(
            lambda db: db.execute(
                "UPDATE attempts SET answer = ?, leased = 0 WHERE key = ?", (answer, key)
            )
        )

    def streams(self, prefix: str = "") -> list[str]:
        """Return the names of the streams that have been written to; looking makes no file."""
        return list(self.heads(prefix))

    def heads(self, prefix: str = "") -> dict[str, Head]:
        """Return the heads of the streams that have been written to, by name."""
        heads: dict[str, Head] = {}
        start, more = prefix, Path(self.database.path).exists()
        while more:
            with self.database.reading() as db:
                found = read_heads(db, start, HEADS)
            heads |= {name: head for name, head in found.items() if name.startswith(prefix)}
            last = next(reversed(found), "")
            start, more = last + "\0", len(found) == HEADS and last.startswith(prefix)
            green.sleep(0)
        return heads

    def _heads_of(self, names: Sequence[str]) -> dict[str, Head]:
        if not Path(self.database.path).exists():
            return {}  # to wait makes no file
        with self.database.reading() as db:
            return read_heads_of(db, names)

    def check(self) -> list[Finding]:
        """Return whether the file can be written, where it lies, and how much room there is."""
        return findings(self.database)

    def close(self) -> None:
        """Close the file; readers that wait end."""
        for queryset in list(self._record_streams.values()):
            queryset.notifier.close()
        self.database.close()


def _forget(db: sqlite3.Connection, table: str, key: str, now: float) -> None:
    """Delete the row of a key if it has ended, and some more that have.

    They are more than are added, so that none stays long, and not all: many may end together, and
    all writes to the file wait for each transaction.
    """
    db.execute(f"DELETE FROM {table} WHERE key = ? AND ends <= ?", (key, now))  # noqa: S608, no value is in it
    db.execute(
        f"DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE ends <= ? LIMIT ?)",  # noqa: S608, likewise
        (now, FORGOTTEN),
    )


def _hit(db: sqlite3.Connection, key: str, now: float, window: float) -> int:
    _forget(db, "hits", key, now)
    (hits,) = db.execute(
        "INSERT INTO hits VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET hits = hits + 1"
        " RETURNING hits",
        (key, now + window),
    ).fetchone()
    return int(hits)
