"""The embedded server: HTTP/1.1 on green threads, one a connection.

Rules:

- A connection reads, answers in order and reads again, until one side wants to end it.
- Connections that wait too long are ended by one sweep a second over all of them: it costs nothing
  while a request is handled, and there is no timer to set on the hot path.
- The same sweep asks the kernel for clients that left in the middle of an answer. A feed is then
  closed, if its source can be, and a waiting handler can read it (`Request.may_wait`). Nothing else
  is ended or interrupted: a client that closed only its sending half still reads to the end.
- When it is stopped, the server takes nothing new, ends connections that only wait, and lets
  requests in hand finish within the grace. Stopped again, it ends everything at once.
"""

from __future__ import annotations

from brubeck.connections.embedded.options import ServerOptions
from brubeck.connections.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "ServerOptions"]
