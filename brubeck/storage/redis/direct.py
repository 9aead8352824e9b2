"""Commands sent straight on a connection, past the driver's pool and its handling of commands.

The driver polls a socket before each command, and counts and times the command: together that takes
longer than the command. What a server has closed meanwhile is found out by using it, as anyway.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import ConnectionError as Disconnected

from brubeck.storage.redis.deadlines import within
from brubeck.storage.redis.exchange import exchange
from brubeck.storage.redis.run_ids import RUN_ID


class DirectCommands:
    """A client of one server at a time, with connections of its own for `run`; a mixin."""

    connection_pool: Any
    timeout: float

    def __init__(self, *args: Any, **options: Any) -> None:
        # Their connections stay the pool's, which closes them, too.
        self._free: list[Any] = []
        super().__init__(*args, **options)

    def run(self, *command: Any) -> Any:
        """Send a command and return its reply as it came.

        It is sent once more where the connection was lost, so that a repetition has to be harmless.
        """
        with within(self.timeout), self.lent() as connection:
            try:
                return self._run(connection, command)
            except Disconnected:
                return self._run(connection, command)

    @staticmethod
    def _run(connection: Any, command: tuple[Any, ...]) -> Any:
        if command[-1] is RUN_ID:
            command = (*command[:-1], connection.run_id())
        (reply,) = exchange(connection, connection.pack_command(*command))
        return reply

    @contextmanager
    def lent(self) -> Iterator[Any]:
        """Lend a connection for `exchange`."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._free.append(connection)

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
