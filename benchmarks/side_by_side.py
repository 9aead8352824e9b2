"""Measures servers in turn, round by round, so that a machine's moods fall on all of them alike.

A contestant is a command that serves on a port of 127.0.0.1. Each round loads each contestant for a
few seconds with wrk; what counts is the ratio within a round, and of these the median.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

import msgspec

ROUNDS = 7
SECONDS = 2
CONNECTIONS = 32


class Contestant(msgspec.Struct, frozen=True):
    """A server: its name and the module (with arguments) that serves on a port given last."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


class Figures(msgspec.Struct):
    """Requests a second, one figure a round."""

    name: str
    rates: list[float]

    @property
    def rate(self) -> float:
        """The median."""
        return median(self.rates)

    def ratio(self, other: Figures) -> float:
        """Return how many times as many as another had in the same rounds, in the median."""
        return median(a / b for a, b in zip(self.rates, other.rates, strict=True))


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


def load(url: str, seconds: int = SECONDS, script: str | None = None) -> float:
    """Return the requests a second that wrk gets answered; anything but 2xx is an error.

    ``script`` is the path of a script for wrk that says what to ask.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    scripted = [] if script is None else ["-s", script]
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *scripted, url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"{url} does not answer well:\n{output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None:
        raise SystemExit(output)
    return float(found[1])


def compare(
    contestants: Sequence[Contestant],
    path: str,
    *,
    check: Callable[[str], None] | None = None,
    script: str | None = None,
    rounds: int = ROUNDS,
) -> list[Figures]:
    """Load each contestant in turn for some rounds; ``check`` may first look at an answer."""
    figures = [Figures(each.name, []) for each in contestants]
    with ExitStack() as stack:
        ports = [stack.enter_context(serving(each)) for each in contestants]
        urls = [f"http://127.0.0.1:{port}{path}" for port in ports]
        for url in urls:
            if check is not None:
                check(url)
            load(url, 1, script)
        for _ in range(rounds):
            for url, each in zip(urls, figures, strict=True):
                each.rates.append(load(url, script=script))
    return figures


def table(title: str, figures: Sequence[Figures], targets: dict[str, float]) -> str:
    """Return a Markdown table; the first contestant is ours, the targets are by name."""
    ours = figures[0]
    lines = [
        f"### {title}",
        "",
        "| | requests/s | Brubeck is | must be |",
        "| --- | ---: | ---: | ---: |",
    ]
    for each in figures:
        ratio = "" if each is ours else f"{ours.ratio(each):.2f} x"
        target = f"≥ {targets[each.name]:g} x" if each.name in targets else ""
        lines.append(f"| {each.name} | {each.rate:,.0f} | {ratio} | {target} |")
    return "\n".join([*lines, ""])
