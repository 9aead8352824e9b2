"""Mongrel2 over ZeroMQ: its messages become requests, and responses go back at its pace.

`connection` is the whole; `messages` and `netstrings` are the wire format, `requests` its meaning,
`replies` and `pacing` the way back, `clients` the clients being served, `answers` one answer being
sent, `peers` the other programs that Mongrel2 deals its notices to.
"""

from __future__ import annotations

from brubeck.connections.mongrel2.connection import Mongrel2Connection

__all__ = ["Mongrel2Connection"]
