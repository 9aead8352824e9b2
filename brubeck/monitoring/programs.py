"""The parts of a program that monitoring uses, and what it wraps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from brubeck.handlers.program import Program
from brubeck.http import Request, Response

METRICS_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable with the directory in which workers keep their figures; the library reads it."""

Respond = Callable[[Request], Response]


class ObservedProgram(Program, Protocol):
    """A program that answers requests; it is a `Brubeck`."""

    def respond(self, request: Request) -> Response:
        """Return the answer to a request; every error becomes one."""
