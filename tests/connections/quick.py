"""The same program, whose connections are looked after ten times as often: it is sooner over."""

from __future__ import annotations

from brubeck.connections.embedded import server
from tests.connections.program import app

server._TICK = 0.1  # type: ignore[misc]

__all__ = ["app"]
