"""The tables of a queue in a database of SQLite, made at its first write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol, TypeVar

from brubeck.jobs.queue import QueueUnavailable
from brubeck.storage.errors import Unavailable
from brubeck.storage.sqlite.database import Connection

T = TypeVar("T")

TABLES: Final = (
    """CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL,
        job BLOB NOT NULL, due INTEGER, worker TEXT, heard INTEGER NOT NULL DEFAULT 0,
        given INTEGER NOT NULL DEFAULT 0)""",
    """CREATE INDEX jobs_that_wait ON jobs (queue, number)
        WHERE worker IS NULL AND due IS NULL""",
    "CREATE INDEX jobs_due_later ON jobs (queue, due) WHERE due IS NOT NULL",
    "CREATE INDEX jobs_in_hand ON jobs (queue, number) WHERE worker IS NOT NULL",
    "CREATE INDEX jobs_by_id ON jobs (queue, id)",
    """CREATE TABLE job_keys (
        queue TEXT NOT NULL, key TEXT NOT NULL, stands TEXT NOT NULL, ends INTEGER NOT NULL,
        PRIMARY KEY (queue, key)) WITHOUT ROWID""",
    "CREATE INDEX job_keys_by_end ON job_keys (ends)",
    """CREATE TABLE dead_jobs (
        letter INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, job BLOB NOT NULL,
        reason BLOB NOT NULL, traceback BLOB NOT NULL, buried_at INTEGER NOT NULL)""",
    """CREATE TABLE jobs_alone (
        queue TEXT PRIMARY KEY, worker TEXT NOT NULL, ends INTEGER NOT NULL) WITHOUT ROWID""",
)
"""The tables, which are made in a file at the first write of a queue."""

_HAS_TABLES: Final = "SELECT 1 FROM sqlite_master WHERE name = 'jobs_alone'"


class JobDatabase(Protocol):
    """A database of SQLite; its errors are `Unavailable`."""

    def write(self, job: Callable[[Connection], T]) -> T:
        """Run a function in a write transaction, and return its result."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Lend a connection to read with."""

    def close(self) -> None:
        """Close every connection."""


class JobTables:
    """The tables of jobs in a database; its errors are raised as `QueueUnavailable`."""

    def __init__(self, database: JobDatabase, shown: str) -> None:
        self._database, self._shown = database, shown

    def write(self, step: Callable[[Connection], T]) -> T:
        """Run a step in a transaction, in a database that has the tables."""

        def prepared(db: Connection) -> T:
            if db.execute(_HAS_TABLES).fetchone() is None:
                for statement in TABLES:
                    db.execute(statement)
            return step(db)

        with self._translated():
            return self._database.write(prepared)

    def read(self, query: str, *given: object) -> list[Any]:
        """Return the rows of a query; none from a database without the tables."""
        with self._translated(), self._database.reading() as db:
            if db.execute(_HAS_TABLES).fetchone() is None:
                return []
            return db.execute(query, given).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Unavailable as reason:
            cause = reason.__cause__ or reason
            raise QueueUnavailable(f"The queue at {self._shown}: {cause}") from cause

    def close(self) -> None:
        """Close the database."""
        self._database.close()
