"""`Stop`: the wish to stop, which a signal handler may express."""

from __future__ import annotations

from time import monotonic
from typing import Final

from brubeck import green

LOOK: Final = 0.1
"""Seconds after which the flag is looked at again."""


class Stop:
    """A flag that a signal handler may set: unlike an event, it has no lock that may be held."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Set it."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, or so many seconds; return whether it is."""
        until = monotonic() + seconds
        while not self._is_set and (left := until - monotonic()) > 0:
            green.sleep(min(left, LOOK))
        return self._is_set
