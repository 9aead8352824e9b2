"""One event on its way to five thousand requests that wait for it in one process.

The crowd is one thread on one `epoll`; what it takes to read and to ask again is its own, and the
time counts from the event's sending to the last answer. Servers take turns, and every one starts
anew in each round.
"""

from __future__ import annotations

import select
import socket
import time
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.crowds import many_connections, resident
from benchmarks.side_by_side import Contestant, process

WAITING = 5_000
ROUNDS = 3
EVENTS = 5
CONTESTANTS = (
    Contestant("Brubeck", "benchmarks.servers.brubeck_longpolls"),
    Contestant("Starlette on uvicorn", "benchmarks.servers.starlette_longpolls"),
)
_ASK = b"GET /messages?after=%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_POST = (
    b"POST /messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%b"
)


class Waited(msgspec.Struct):
    """How long each event took to the last one who waited (ms), and what one costs (KiB)."""

    last: list[float]
    size: float


class Crowd:
    """Many who wait at one server."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port))
            self._sockets[sock.fileno()] = sock
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def ask(self, after: int) -> None:
        """Have everybody wait for the message after a number."""
        for sock in self._sockets.values():
            sock.sendall(_ASK % after)

    def time_event(self, number: int) -> float:
        """Send one message, and return after how many seconds everybody had it."""
        body = b"text=message%d" % number
        left = dict.fromkeys(self._sockets, b"")  # what each has had of its answer
        with socket.create_connection(("127.0.0.1", self._port)) as writer:
            start = time.perf_counter()
            writer.sendall(_POST % (len(body), body))
            while left:
                ready = self._epoll.poll(20, 2000)
                if not ready:
                    raise SystemExit(f"{len(left)} never had an answer.")
                for fileno, _ in ready:
                    data = self._sockets[fileno].recv(65_536)
                    answer = left[fileno] + data
                    if not data or not answer.startswith(b"HTTP/1.1 200 "):
                        raise SystemExit(f"No good answer: {answer!r}")
                    if b"message%d" % number in answer:
                        del left[fileno]
                    else:
                        left[fileno] = answer
            return time.perf_counter() - start

    def close(self) -> None:
        """Leave."""
        self._epoll.close()
        for sock in self._sockets.values():
            sock.close()


def _cpu(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _finalize(pid: int) -> None:
    """Wait until a server has nothing to do: everybody waits by then."""
    quiet, before = 0, _cpu(pid)
    for _ in range(60):
        time.sleep(0.1)
        now = _cpu(pid)
        quiet = quiet + 1 if now - before <= 5 else 0  # in hundredths of a second
        if quiet == 3:
            return
        before = now


def wait(contestant: Contestant) -> Waited:
    """Measure one server, started for it."""
    with process(contestant) as (port, pid):
        empty = resident(pid)
        crowd = Crowd(port, WAITING)
        crowd.ask(0)
        _finalize(pid)
        size = (resident(pid) - empty) / WAITING
        last = []
        for number in range(1, EVENTS + 1):
            last.append(1000 * crowd.time_event(number))
            crowd.ask(number)
            _finalize(pid)
        crowd.close()
    return Waited(last, size)


def table() -> str:
    """Return the table of requests that wait."""
    lines = [
        f"### One event to {WAITING:,} waiting requests of one process",
        "",
        "| | all are answered after | must be | one costs | must be |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    with many_connections():
        rounds = [[wait(each) for each in CONTESTANTS] for _ in range(ROUNDS)]
    for place, contestant in enumerate(CONTESTANTS):
        waited = [each[place] for each in rounds]
        last = median(time for each in waited for time in each.last)
        size = median(each.size for each in waited)
        limits = ("≤ 200 ms", "≤ 20 KiB") if place == 0 else ("", "")
        lines.append(
            f"| {contestant.name} | {last:.0f} ms | {limits[0]} | {size:.1f} KiB | {limits[1]} |"
        )
    return "\n".join([*lines, ""])
