"""Starting programs by the hundred: a process that has imported everything forks each of them.

``python -m tests.fire.nursery`` reads orders from its standard input, a line of JSON each. What it
starts is an ordinary process with its own connections. It is waited for only when asked about, so
that no process id is given away while a test may still send signals to it; and when the test that
it serves is gone, it kills what it has started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.fire.writes import CLOCK_AHEAD, clock

ROOT = Path(__file__).parents[2]
PROGRAMS = ("writer", "reader", "victim")


class Child:
    """A process that a nursery started."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.status: int | None = None
        """How it ended: its exit status, or minus the signal; None while it runs."""

    def poll(self) -> int | None:
        """Look whether it has ended, and how."""
        if self.status is None:
            self.status = self._nursery.order(wait=self.pid, block=False)
        return self.status

    def signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.signal(signal.SIGKILL)
        if self.status is None:
            self.status = self._nursery.order(wait=self.pid, block=True)


class Nursery:
    """The test's side of a nursery."""

    def __init__(self, log: Path, *, network: bool = False, ahead: int = 0) -> None:
        """``network``: in a network of its own; ``ahead``: its clock, by so many milliseconds."""
        self.log = log
        before = ["unshare", "--net"] if network else []
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [*before, sys.executable, "-W", "error", "-m", "tests.fire.nursery"],
                cwd=ROOT,
                env=os.environ | {CLOCK_AHEAD: str(ahead)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )

    @property
    def pid(self) -> int:
        """The process that starts the others."""
        return self._process.pid

    def order(self, **order: Any) -> Any:
        """Give an order and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the nursery has ended: {self.log.read_text()}"
        return json.loads(answer)

    def start(self, program: str, *args: object) -> Child:
        """Start one of the programs."""
        return Child(self, self.order(start=program, args=[str(each) for each in args]))

    def close(self) -> None:
        """End it and all it has started."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@contextmanager
def nursery(directory: Path, *, network: bool = False, ahead: int = 0) -> Iterator[Nursery]:
    """Have a nursery for a while; what its programs said is in ``nursery.log``."""
    found = Nursery(directory / "nursery.log", network=network, ahead=ahead)
    try:
        yield found
    finally:
        found.close()


def serve() -> None:
    """Carry out the orders that come."""
    modules = {name: import_module(f"tests.fire.{name}") for name in PROGRAMS}
    for name in ("sqlite", "redis", "mongo"):
        import_module(f"brubeck.storage.{name}")
    running: set[int] = set()
    try:
        for line in sys.stdin:
            order = json.loads(line)
            answer: int | None
            if "start" in order:
                answer = _fork(modules[order["start"]], order["args"])
                running.add(answer)
            elif "time" in order:
                answer = clock().micros()
            else:
                answer = _wait(order["wait"], block=order["block"])
                if answer is not None:
                    running.discard(order["wait"])
            print(json.dumps(answer), flush=True)
    finally:
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(module: Any, args: list[str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        module.main(*args)
        status = 0
    except BaseException:  # noqa: BLE001, it ends here, whatever it is
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _wait(pid: int, *, block: bool) -> int | None:
    found, status = os.waitpid(pid, 0 if block else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the test that is interrupted closes us
    serve()
