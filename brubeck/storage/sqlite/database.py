"""The file: its tables, its connections, and one writer that commits for all callers.

Reading in WAL mode waits for nothing and is done in the caller's thread. Writing waits for the
disk and for other processes, so it is done in a native thread, and the jobs that have come
meanwhile go into the next transaction together: they share the cost of a commit.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any, Final, TypeAlias, TypeVar, cast

from brubeck import green
from brubeck.storage.batching import Batches, Waiting
from brubeck.storage.errors import Unavailable
from brubeck.storage.records import fresh_era

T = TypeVar("T")
Connection: TypeAlias = sqlite3.Connection
Job = Callable[[sqlite3.Connection], T]

FORMAT: Final = 3
"""The version of the tables below, kept in the file as its ``user_version``."""

HORIZONS: Final = """CREATE TABLE horizons (
    stream INTEGER NOT NULL, viewer TEXT NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (stream, viewer)) WITHOUT ROWID"""
TABLES: Final = (
    "CREATE TABLE storage (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE streams (
        stream INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        position INTEGER NOT NULL, horizon INTEGER NOT NULL, floor INTEGER NOT NULL,
        version INTEGER NOT NULL, indexes TEXT NOT NULL)""",
    """CREATE TABLE items (
        number INTEGER PRIMARY KEY, stream INTEGER NOT NULL, id TEXT NOT NULL,
        created_at INTEGER NOT NULL, position INTEGER NOT NULL, body TEXT, past BLOB NOT NULL,
        version INTEGER NOT NULL DEFAULT 1)""",
    "CREATE UNIQUE INDEX items_by_id ON items (stream, id)",
    "CREATE UNIQUE INDEX items_by_position ON items (stream, position)",
    """CREATE INDEX items_by_time ON items (stream, created_at, id)
        WHERE body IS NOT NULL""",
    "CREATE INDEX tombstones ON items (stream, position) WHERE body IS NULL",
    """CREATE TABLE facets (
        stream INTEGER NOT NULL, field TEXT NOT NULL, value NOT NULL,
        created_at INTEGER NOT NULL, id TEXT NOT NULL,
        PRIMARY KEY (stream, field, value, created_at, id)) WITHOUT ROWID""",
    """CREATE TABLE sight (
        stream INTEGER NOT NULL, viewer TEXT NOT NULL, id TEXT NOT NULL,
        position INTEGER NOT NULL, gone INTEGER NOT NULL,
        PRIMARY KEY (stream, viewer, id)) WITHOUT ROWID""",
    "CREATE INDEX sight_by_position ON sight (stream, viewer, position)",
    "CREATE INDEX departures ON sight (stream, position) WHERE gone",
    """CREATE TABLE hits (
        key TEXT PRIMARY KEY, ends REAL NOT NULL, hits INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE attempts (
        key TEXT PRIMARY KEY, digest BLOB NOT NULL, plan BLOB NOT NULL, answer BLOB,
        ends REAL NOT NULL, leased REAL NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX hits_by_end ON hits (ends)",
    "CREATE INDEX attempts_by_end ON attempts (ends)",
    HORIZONS,
)
UPGRADES: Final = (
    (
        HORIZONS,
        """INSERT INTO horizons SELECT DISTINCT stream, viewer, horizon
            FROM sight JOIN streams USING (stream) WHERE horizon > 0""",
    ),
    ("ALTER TABLE items ADD COLUMN version INTEGER NOT NULL DEFAULT 1",),
)
"""The statements that convert a file from each format to the next, beginning with format 1."""


_EVERY: Final = 0.0001
"""Seconds for which a reader believes that the file is still there; a writer looks each time.

So the reads of one request look once.
"""


class Database:
    """One SQLite file. Texts come out of it as bytes: bodies are not decoded on their way."""

    def __init__(self, path: str, *, timeout: float, synchronous: str) -> None:
        self.path = path
        self._timeout = timeout
        self.synchronous = synchronous
        self._idle: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._writes = self._batches()
        self._pid = os.getpid()
        self._closed = False
        self._file: tuple[int, int] | None = None
        self._replacing = green.Lock()
        self._lives = 0
        self._next_look = 0.0

    @property
    def lives(self) -> int:
        """How many files have been left because they were deleted or replaced."""
        self._check_open(_EVERY)
        return self._lives

    def reading(self) -> Lent:
        """Lend a connection to read with; SQLite's errors are raised as `Unavailable`."""
        return Lent(self, "")

    def snapshot(self) -> Lent:
        """Lend a connection with reads that all see the same moment."""
        return Lent(self, "BEGIN")

    def take(self) -> sqlite3.Connection:
        """Return a connection that nobody else has until it is given back."""
        self._check_open(_EVERY)
        if self._idle:
            # Nobody takes another's connection: a list gives each element away once.
            return self._idle.pop()
        with translated(self.path):
            return self._connect()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Take a connection back, and end its transaction."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        self._idle.append(connection)

    def write(self, job: Job[T]) -> T:
        """Run a job in a write transaction and return its result, once it is on the disk.

        Jobs of several callers share a transaction; one that fails undoes them all, and each of
        their callers gets the error. A job runs in a native thread: it uses its connection and
        plain data.
        """
        self._check_open()
        with translated(self.path):
            return cast("T", self._writes.do(job))

    def _commit(self, jobs: Sequence[Waiting[Job[Any], Any]]) -> None:
        if self._writer is None:
            self._writer = self._connect()
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            for each in jobs:
                each.result = each.job(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._use_wal(connection)
            connection.execute(f"PRAGMA synchronous = {self.synchronous}")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        connection.text_factory = bytes
        self._file = self._file or self._found_file()
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Put the file into WAL mode, or wait for another that is about it.

        SQLite does not wait by itself where two change the mode of a new file at once: each reads
        already, and neither could go on. It does wait for the right to write.
        """
        ends = monotonic() + self._timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as reason:
                if reason.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > ends:
                    raise
            else:
                return
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables in a file that has none."""
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == FORMAT:
            return
        connection.execute("BEGIN IMMEDIATE")
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise sqlite3.DatabaseError(f"the file is of the newer format {found}")
        if found < FORMAT:
            for statements in UPGRADES[found - 1 :] if found else (TABLES,):
                for statement in statements:
                    connection.execute(statement)
            if not found:
                connection.execute("INSERT INTO storage VALUES ('era', ?)", (fresh_era(),))
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")

    def _check_open(self, every: float = 0.0) -> None:
        """Look after the file, but no more often than every so many seconds."""
        if self._closed:
            raise Unavailable("The storage is closed.")
        if self._pid != os.getpid():
            # SQLite's connections do not survive a fork: leave them to the parent, open our own.
            self._pid, self._idle, self._writer = os.getpid(), [], None
            self._writes = self._batches()
        now = monotonic()
        if now < self._next_look - _EVERY + every:
            return
        self._next_look = now + _EVERY
        if self._file is not None and self._file != self._found_file():
            self._forget_file()

    def _found_file(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116, at every call
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _forget_file(self) -> None:
        """Close a file that is not at its path any more: writes to it would be lost."""
        self._writes.finish()
        with self._replacing:
            if self._file != self._found_file():
                connections = [*self._idle, *([self._writer] if self._writer else [])]
                self._idle, self._writer, self._file = [], None, None
                self._lives += 1
                for connection in connections:
                    connection.close()

    def _batches(self) -> Batches[Job[Any], Any]:
        return Batches(partial(green.offload, self._commit))

    def close(self) -> None:
        """Close every connection, when the pending writes are done."""
        self._closed = True
        self._writes.finish()
        connections = [*self._idle, *([self._writer] if self._writer else [])]
        self._idle, self._writer = [], None
        for connection in connections:
            connection.close()


class Lent:
    """A context with a connection; a class, since every read of a storage enters one."""

    __slots__ = ("_begin", "_connection", "_database")

    def __init__(self, database: Database, begin: str) -> None:
        self._database = database
        self._begin = begin
        """The statement that is executed first, if any."""

    def __enter__(self) -> sqlite3.Connection:
        self._connection = connection = self._database.take()
        try:
            if self._begin:
                connection.execute(self._begin)
        except sqlite3.Error as reason:
            self._database.give_back(connection)
            raise unavailable(self._database.path, reason) from reason
        return connection

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            self._database.give_back(self._connection)
        except sqlite3.Error as reason:
            raise unavailable(self._database.path, reason) from reason
        if isinstance(error, sqlite3.Error):
            raise unavailable(self._database.path, error) from error


def unavailable(path: str, reason: sqlite3.Error) -> Unavailable:
    """Return the error of a storage for one of SQLite."""
    return Unavailable(f"SQLite cannot use {path}: {reason}.")


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise the errors of SQLite as `Unavailable`."""
    try:
        yield
    except sqlite3.Error as reason:
        raise unavailable(path, reason) from reason
