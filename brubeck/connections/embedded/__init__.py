"""The embedded server: HTTP/1.1 on green threads, one a connection.

Rules:

- A connection reads, answers in order and reads again, until one side wants to end it.
- What waits too long is ended by one sweep a second over all connections: it costs nothing while a
  request is handled, and there is no timer to set on the hot path.
- The same sweep asks the kernel who left in the middle of an answer. A feed is then closed, if its
  source can be, and a handler that waits is told when it asks (`Request.may_wait`). Nothing else is
  ended or interrupted: who closed only the half that sends still reads to the end.
- When told to stop, the server takes nothing new, ends what only waits, and lets what is in hand
  finish within the grace. Told again, it ends everything at once.
"""

from __future__ import annotations

from brubeck.connections.embedded.server import EmbeddedServer, ServerOptions

__all__ = ["EmbeddedServer", "ServerOptions"]
