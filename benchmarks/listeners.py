"""One event on its way to ten thousand open feeds of one process.

The crowd is one thread on one `epoll`, so some of the time that it measures is its own: what it
takes to read ten thousand sockets. Servers take turns, and every one starts anew in each round.
"""

from __future__ import annotations

import json
import select
import socket
import time
from statistics import median

import msgspec

from benchmarks.crowds import many_connections, resident
from benchmarks.side_by_side import Contestant, process

LISTENERS = 10_000
ROUNDS = 3
EVENTS = 8
CONTESTANTS = (
    Contestant("Brubeck", "benchmarks.servers.brubeck_feed"),
    Contestant("sse-starlette on uvicorn", "benchmarks.servers.starlette_feed"),
)
_ASK = b"GET /notes/changes HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
_POST = (
    b"POST /notes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b"
)


class Heard(msgspec.Struct):
    """How long events took to the 99th of 100 listeners (ms), and what a listener costs (KiB)."""

    p99: list[float]
    size: float


class Crowd:
    """Many listeners on one server."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for number in range(1, count + 1):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.sendall(_ASK)
            sock.setblocking(False)
            self._sockets[sock.fileno()] = sock
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            if number % 500 == 0:
                self.drain(0.05)

    def drain(self, quiet: float) -> None:
        """Read what there is until nothing has come for so many seconds."""
        while ready := self._epoll.poll(quiet, 1000):
            for fileno, _ in ready:
                self._read(fileno)

    def _read(self, fileno: int) -> bytes:
        data = self._sockets[fileno].recv(65_536)
        if not data:
            raise SystemExit("A feed ended.")
        return data

    def time_event(self, number: int) -> list[float]:
        """Write one event, and return after how many seconds each listener had it, in order."""
        mark = b"event number %d" % number
        body = json.dumps({"text": mark.decode()}).encode()
        waiting = set(self._sockets)
        times = []
        with socket.create_connection(("127.0.0.1", self._port)) as writer:
            start = time.perf_counter()
            writer.sendall(_POST % (len(body), body))
            while waiting:
                ready = self._epoll.poll(20, 2000)
                if not ready:
                    raise SystemExit(f"{len(waiting)} feeds never had the event.")
                for fileno, _ in ready:
                    if mark in self._read(fileno) and fileno in waiting:
                        waiting.discard(fileno)
                        times.append(time.perf_counter() - start)
        return times

    def close(self) -> None:
        """Leave."""
        self._epoll.close()
        for sock in self._sockets.values():
            sock.close()


def listen(contestant: Contestant) -> Heard:
    """Measure one server, started for it."""
    with process(contestant) as (port, pid):
        before = resident(pid)
        crowd = Crowd(port, LISTENERS)
        crowd.drain(2.0)
        size = (resident(pid) - before) / LISTENERS
        p99 = []
        for number in range(EVENTS):
            times = crowd.time_event(number)
            p99.append(1000 * times[int(len(times) * 0.99)])
            crowd.drain(0.5)
        crowd.close()
    return Heard(p99, size)


def table() -> str:
    """Return the table of ten thousand listeners."""
    lines = [
        f"### One event to {LISTENERS:,} open feeds of one process",
        "",
        "| | 99 of 100 have it after | must be | a listener costs | must be |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    with many_connections():
        rounds = [[listen(each) for each in CONTESTANTS] for _ in range(ROUNDS)]
    for place, contestant in enumerate(CONTESTANTS):
        heard = [each[place] for each in rounds]
        p99 = median(time for each in heard for time in each.p99)
        size = median(each.size for each in heard)
        limits = ("≤ 200 ms", "≤ 16 KiB") if place == 0 else ("", "")
        lines.append(
            f"| {contestant.name} | {p99:.0f} ms | {limits[0]} | {size:.1f} KiB | {limits[1]} |"
        )
    return "\n".join([*lines, ""])
