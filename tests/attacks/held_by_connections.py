"""A program of its own: how long many connections that come, stay and end leave others no turn."""

from __future__ import annotations

import gc
import json
import resource
import socket
import time
from collections.abc import Callable

from brubeck import green

green.patch("eventlet")

from brubeck.connections.embedded.options import ServerOptions  # noqa: E402, it is patched first
from brubeck.connections.embedded.server import EmbeddedServer  # noqa: E402, after the patch
from brubeck.http import Response  # noqa: E402, after the patch
from tests.neighbours import let_others_run, longest_hold, neighbour  # noqa: E402, after the patch
from tests.servers import wait_until  # noqa: E402, after the patch

MOST = 4000
NEWCOMERS = 400
OPTIONS = ServerOptions(max_connections=MOST, idle_timeout=60, grace=0)


def connected(port: int, count: int) -> list[socket.socket]:
    """Return as many connections, which nobody may have accepted yet."""
    return [socket.create_connection(("127.0.0.1", port), 10) for _ in range(count)]


def wait_for(condition: Callable[[], bool]) -> None:
    """Let others run until a condition holds."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        let_others_run()


def sweep_until_idle(server: EmbeddedServer) -> None:
    """Let as many seconds of the server pass as an idle connection has."""
    for _ in range(int(OPTIONS.idle_timeout) + 1):
        server._sweep_once()


def measure() -> dict[str, float]:
    """Return the longest holds (seconds of CPU time), and the cost of a newcomer.

    The latter is that of one that is accepted while the server is full, in those of any other.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.disable()  # its own holds are not those of the server
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = listener.getsockname()[1]
    server = EmbeddedServer(listener, OPTIONS)
    clients = connected(port, MOST)
    found: dict[str, float] = {}
    began = time.process_time()
    with neighbour() as turns:
        green.spawn(server.serve, lambda _request: Response(b""))
        found["accept"] = longest_hold(
            turns, lambda: wait_for(lambda: len(server._connections) == MOST)
        )
    usual = (time.process_time() - began) / MOST
    for _ in range(3):
        server._sweep_once()  # they have been idle for longer than a newcomer may be
    before = set(server._connections)
    newcomers = connected(port, NEWCOMERS)
    began = time.process_time()
    # To look all the time would be counted as the cost of newcomers.
    wait_until(lambda: len(before & server._connections) <= MOST - NEWCOMERS, seconds=60)
    found["newcomer"] = (time.process_time() - began) / NEWCOMERS / usual
    with neighbour() as turns:
        found["expire"] = longest_hold(turns, lambda: sweep_until_idle(server))
        wait_for(lambda: not server._connections)
    server.stop()
    for each in (*clients, *newcomers):
        each.close()
    return found


if __name__ == "__main__":
    print(json.dumps(measure()))
