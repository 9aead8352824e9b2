"""Commands sent straight on a connection, past the driver's pool and its handling of commands.

The driver polls a socket before each command, and counts and times the command: together that takes
longer than the command. What a server has closed meanwhile is found out by using it, as anyway.

Green threads share one connection; see `brubeck.storage.redis.pipelining`. A thread of the system,
which waits for itself, takes a connection of its own.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TooLate

from brubeck import green
from brubeck.storage.redis.deadlines import remaining, within
from brubeck.storage.redis.pipelining import Pipeline
from brubeck.storage.redis.run_ids import RUN_ID


class DirectCommands:
    """A client of one server at a time, with connections of its own for `run`; a mixin."""

    connection_pool: Any
    timeout: float

    def __init__(self, *args: Any, **options: Any) -> None:
        # Their connections stay the pool's, which closes them, too.
        self._free: list[Any] = []
        self._pipelines: dict[Hashable, Pipeline] = {}
        self._opening = green.Lock()
        super().__init__(*args, **options)

    def run(self, *command: Any) -> Any:
        """Send a command and return its reply as it came.

        It is sent once more where the connection was lost, so that a repetition has to be harmless.
        """
        with within(self.timeout):
            try:
                return self._run(command)
            except Disconnected:
                return self._run(command)

    def _run(self, command: tuple[Any, ...]) -> Any:
        with self.linked() as connection:
            if command[-1] is RUN_ID:
                command = (*command[:-1], connection.run_id())
            (reply,) = connection.exchange(connection.pack_command(*command))
        return reply

    @contextmanager
    def linked(self) -> Iterator[Any]:
        """Lend a connection for `exchange`, or the pipeline of the calling thread's event loop."""
        loop = green.loop()
        if loop is not None:
            yield self._pipeline(loop)
            return
        connection = self._take()
        try:
            yield connection
        finally:
            self._free.append(connection)

    def _pipeline(self, loop: Hashable) -> Pipeline:
        found = self._pipelines.get(loop)
        if found is not None and found.is_open:
            return found
        if not self._opening.acquire(timeout=remaining()):
            raise TooLate("Timeout connecting to server")
        try:
            found = self._pipelines.get(loop)  # another thread was faster
            if found is None or not found.is_open:
                if found is not None:
                    found.retire()
                found = self._pipelines[loop] = Pipeline(self.connection_pool)
            return found
        finally:
            self._opening.release()

    def _take(self) -> Any:
        while self._free:
            try:
                connection = self._free.pop()
            except IndexError:
                break  # another thread was faster
            if connection.pid != os.getpid():
                continue  # of the process that forked this one
            if not connection.is_current():
                connection.disconnect()
            return connection
        return self.connection_pool.get_connection()

    def close(self) -> None:
        """Close every connection."""
        for each in self._pipelines.values():
            each.close()
        self._pipelines.clear()
        super().close()  # type: ignore[misc]  # a driver's
