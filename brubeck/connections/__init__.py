"""Connections: where requests come from and responses go, all of them alike to the application.

A connection is anything with ``serve(respond)``, which answers until it is stopped, and ``stop()``,
which a signal handler may call.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from brubeck.http import Request, Response

Respond = Callable[[Request], Response]

_HOME = {
    "JobsConnection": "brubeck.connections.jobs",
    "Mongrel2Connection": "brubeck.connections.mongrel2",
    "ZeroMQConnection": "brubeck.connections.jobs",
}
"""The classes that a program may use itself; imported at their first use."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


class Connection(Protocol):
    """Where requests come from."""

    def serve(self, respond: Respond) -> None:
        """Answer requests until `stop` is called."""

    def stop(self) -> None:
        """Stop soon, and called again at once; may be called from a signal handler."""
