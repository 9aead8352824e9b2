"""The behaviour program under ``eventlet.wsgi``, on the port given as the argument."""

from __future__ import annotations

import sys

from brubeck import green

if __name__ == "__main__":
    green.patch("eventlet")
    import eventlet
    from eventlet import wsgi

    from tests.behaviour.app import app

    # By default this server collects 4 kB before it sends any, and a feed would stand still.
    sock = eventlet.listen(("127.0.0.1", int(sys.argv[1])))
    wsgi.server(sock, app.wsgi, log_output=False, minimum_chunk_size=1)
