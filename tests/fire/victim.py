"""A victim: ``python -m tests.fire.victim URL STREAM JOURNAL GO WRITES STATEMENT SIGNAL``.

It opens a stream, says that it is ready, waits until the file GO is there, and does one write. What
becomes of it meanwhile is done to it by the proxy that it writes through. SQLite has none: there
the victim counts its own statements, and sends itself the signal before the given one; the one
after the last is when the write is done but nobody has been told.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

import msgspec

from brubeck.storage import RecordStream, Storage, Unavailable
from brubeck.storage.sqlite import SQLiteStorage
from tests.fire.journal import Journal
from tests.fire.writes import SCHEMA, Sent, open_under_fire, send
from tests.servers import wait_until

PATIENCE = 60.0


class Counter:
    """Counts the statements of a SQLite file's writer, and stops or ends this process at one."""

    def __init__(
        self, storage: SQLiteStorage, journal: Journal, statement: int, number: int
    ) -> None:
        self.count = 0
        self._journal = journal
        self._statement = statement
        self._signal = number
        writer = storage.database._writer
        assert writer is not None
        self._watch(writer)

    def _watch(self, connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(lambda _: self.step())

    def step(self) -> None:
        """Come to the next statement."""
        if self.count == self._statement:
            self._journal.note(stands=self.count)
            os.kill(os.getpid(), self._signal)
        self.count += 1


def main(
    url: str, name: str, path: str, go: str, writes: str, statement: str = "-1", number: str = "0"
) -> None:
    """Do one write."""
    journal = Journal(Path(path))
    storage = open_under_fire(url)
    stream = storage.records(name, SCHEMA)
    wait_until(lambda: _is_up(stream), seconds=PATIENCE)
    sent = msgspec.json.decode(writes, type=list[Sent])
    counter = _counter(storage, journal, int(statement), int(number))
    journal.note(ready=True)
    wait_until(Path(go).exists, seconds=PATIENCE)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            send(stream, sent)
            break
        except Unavailable as reason:
            journal.note(unavailable=str(reason)[:200])
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
    if counter is not None:
        counter.step()
    journal.note(answered=sent, statements=counter.count if counter else 0)
    os._exit(0)  # what it has open is the system's to close


def _is_up(stream: RecordStream) -> bool:
    try:
        stream.head()
        stream.get(["nobody"])
    except Unavailable:
        return False
    return True


def _counter(storage: Storage, journal: Journal, statement: int, number: int) -> Counter | None:
    if not isinstance(storage, SQLiteStorage):
        return None
    storage.hit("victim", 1)  # so that there is a connection to write with
    return Counter(storage, journal, statement, number)


if __name__ == "__main__":
    main(*sys.argv[1:])
