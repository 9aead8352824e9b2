"""Measures servers in turn, round by round, so that a machine's moods fall on all of them alike.

A contestant is a command that serves on a port of 127.0.0.1. Each round loads each contestant for a
few seconds with wrk; what counts is the ratio within a round, and of these the median.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import msgspec

ROUNDS = 7
SECONDS = 2
CONNECTIONS = 32


class Contestant(msgspec.Struct, frozen=True):
    """A server: its name and the module (with arguments) that serves on a port given last.

    ``script`` is the path of a script for wrk of its own, where it is asked in another way, and
    ``sample`` a URL that the script may ask for.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    script: str | None = None
    sample: str | None = None


class Figures(msgspec.Struct):
    """Requests a second, and CPU time in µs a request of the server and the storage: one a round.

    A storage inside the server's process has no figures of its own.
    """

    name: str
    rates: list[float]
    costs: list[float] = []
    storage_costs: list[float] = []

    @property
    def rate(self) -> float:
        """The median."""
        return median(self.rates)

    @property
    def cost(self) -> float:
        """The median of the CPU times."""
        return median(self.costs)

    def ratio(self, other: Figures) -> float:
        """Return how many times as many as another had in the same rounds, in the median."""
        return median(a / b for a, b in zip(self.rates, other.rates, strict=True))


def cpu_time(pid: int) -> float:
    """Return the seconds of CPU time that a process and its children have had.

    That is their own and the kernel's on their behalf.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return spent + sum(cpu_time(int(each)) for each in children)


@contextmanager
def serving(contestant: Contestant) -> Iterator[int]:
    """Serve, and yield the port."""
    with process(contestant) as (port, _):
        yield port


@contextmanager
def process(contestant: Contestant) -> Iterator[tuple[int, int]]:
    """Serve, and yield the port and the id of the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", contestant.module, *contestant.arguments]
    server = subprocess.Popen([*command, str(port)], stderr=subprocess.DEVNULL)
    try:
        _await(port, server)
        yield port, server.pid
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r} does not serve")


def load(
    url: str,
    seconds: int = SECONDS,
    script: str | None = None,
    header: str | None = None,
    connections: int = CONNECTIONS,
) -> tuple[float, int]:
    """Return the requests a second that wrk gets answered, and how many they were.

    Anything but 2xx is an error. ``script`` is the path of a script for wrk that says what to ask,
    ``header`` a header that each request has.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    scripted = [] if script is None else ["-s", script]
    headers = [] if header is None else ["-H", header]
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", *headers, *scripted, url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"{url} does not answer well:\n{output}")
    found = re.search(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", output, re.DOTALL)
    if found is None:
        raise SystemExit(output)
    return float(found[2]), int(found[1])


def compare(
    contestants: Sequence[Contestant],
    path: str,
    *,
    check: Callable[[str], None] | None = None,
    script: str | None = None,
    sample: str | None = None,
    header: str | None = None,
    connections: int = CONNECTIONS,
    rounds: int = ROUNDS,
    storage: int | None = None,
) -> list[Figures]:
    """Load each contestant in turn for some rounds; ``check`` may first look at an answer.

    With a ``script``, the answer to ``sample`` is looked at, a path that the script may ask for.
    ``storage`` is the process of the storage that all of them use, if they use one.
    """
    figures = [Figures(each.name, []) for each in contestants]
    with ExitStack() as stack:
        served = [stack.enter_context(process(each)) for each in contestants]
        urls = [f"http://127.0.0.1:{port}{path}" for port, _ in served]
        scripts = [script and (one.script or script) for one in contestants]
        for url, contestant, own in zip(urls, contestants, scripts, strict=True):
            if check is not None:
                asked = path if own is None else contestant.sample or sample or path
                check(url.removesuffix(path) + asked)
            load(url, 1, own, header, connections)
        for _ in range(rounds):
            for url, (_, pid), each, own in zip(urls, served, figures, scripts, strict=True):
                before = cpu_time(pid), 0.0 if storage is None else cpu_time(storage)
                rate, count = load(url, SECONDS, own, header, connections)
                each.rates.append(rate)
                each.costs.append((cpu_time(pid) - before[0]) / count * 1e6)
                if storage is not None:
                    each.storage_costs.append((cpu_time(storage) - before[1]) / count * 1e6)
    return figures


def table(title: str, figures: Sequence[Figures], targets: dict[str, float]) -> str:
    """Return a Markdown table; the first contestant is ours, the targets are by name."""
    ours = figures[0]
    stores = bool(ours.storage_costs)
    in_storage = " in the storage |" if stores else ""
    lines = [
        f"### {title}",
        "",
        f"| | requests/s | CPU time a request |{in_storage} Brubeck is | must be |",
        f"| --- | ---: | ---: |{' ---: |' if stores else ''} ---: | ---: |",
    ]
    for each in figures:
        ratio = "" if each is ours else f"{ours.ratio(each):.2f} x"
        target = f"≥ {targets[each.name]:g} x" if each.name in targets else ""
        spent = f" {median(each.storage_costs):,.0f} µs |" if stores else ""
        lines.append(
            f"| {each.name} | {each.rate:,.0f} | {each.cost:,.0f} µs |{spent} {ratio} | {target} |"
        )
    return "\n".join([*lines, ""])
