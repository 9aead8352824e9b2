"""The options of the embedded server."""

from __future__ import annotations

import msgspec

from brubeck.connections.http1 import Limits


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the embedded server behaves; times in seconds."""

    limits: Limits = Limits()
    max_connections: int = 20_000
    max_held: int = 512 << 20
    max_spooled: int = 4 << 30
    head_timeout: float = 15.0
    body_timeout: float = 60.0
    idle_timeout: float = 75.0
    grace: float = 30.0
    certfile: str = ""
    keyfile: str = ""
