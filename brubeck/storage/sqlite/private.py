"""A database of SQLite in the memory of this process, with the face of `Database`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from brubeck import green
from brubeck.storage.errors import Unavailable
from brubeck.storage.sqlite.database import Connection, translated

T = TypeVar("T")


class MemoryDatabase:
    """One database in memory: one connection, which its callers use in turn."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.text_factory = bytes
        self._lock = green.Lock()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend the connection to read with."""
        with self._lock:
            if self._closed:
                raise Unavailable("The database in memory is closed.")
            with translated(":memory:"):
                yield self._connection

    def write(self, job: Callable[[Connection], T]) -> T:
        """Run a function in a transaction, and return its result."""
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                result = job(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._closed = True
            self._connection.close()
