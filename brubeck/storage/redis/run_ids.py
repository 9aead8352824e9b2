"""The run id of a Redis server, as a fact about a connection: INFO is asked for once on each.

A server keeps its run id as long as its process lives, and a connection ends no later than the
process. So a server that was restarted, or another that took over, is always reached by another
connection, which asks anew. Whatever stands between the two has to part connections, not commands.
"""

from __future__ import annotations

import re
from typing import Any, Final

from brubeck.storage.redis.exchange import exchange

_RUN_ID: Final = re.compile(rb"run_id:(\w+)")


class _RunId:
    """The place of the run id among the arguments of a command."""

    def __repr__(self) -> str:
        return "RUN_ID"


RUN_ID: Final = _RunId()
"""The last argument of a command in place of the run id of the server that the command goes to."""


class IdentifiedConnection:
    """A connection that knows the run id of its server; a mixin before the driver's class."""

    _sock: Any
    pack_command: Any
    _run_id: bytes | None = None

    def exchange(self, packed: list[bytes], count: int = 1) -> list[Any]:
        """Send packed commands and return their replies; see `exchange`."""
        return exchange(self, packed, count)

    def run_id(self) -> bytes:
        """Return the run id of the server, connecting first where that is necessary."""
        if self._sock is None:
            self.connect()
        if self._run_id is None:
            (answer,) = exchange(self, self.pack_command("INFO", "server"))
            found = _RUN_ID.search(answer)
            assert found is not None, answer  # noqa: S101, every Redis has one
            self._run_id = found[1]
        return self._run_id

    def send_command(self, *args: Any, **options: Any) -> None:
        """Send a command, with the run id in its place."""
        if args[-1] is RUN_ID:
            args = (*args[:-1], self.run_id())
        super().send_command(*args, **options)  # type: ignore[misc]  # a driver's

    def connect(self) -> None:
        """Connect if necessary."""
        super().connect()  # type: ignore[misc]  # a driver's

    def _connect(self) -> Any:
        self._run_id = None
        return super()._connect()  # type: ignore[misc]  # a driver's
