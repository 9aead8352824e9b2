"""A server as a child process: started, watched until it answers, and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers import wait_until


class Server:
    """A child process that listens on a port of 127.0.0.1."""

    def __init__(self, command: Sequence[str | Path], port: int, log: Path) -> None:
        self.command = [str(each) for each in command]
        self.port = port
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        if self.process is None:
            raise RuntimeError(f"{self.command[0]} does not run")
        return self.process.pid

    def start(self, answers: Callable[[], object], *, seconds: float = 30) -> None:
        """Start it and wait until it answers; what it said is in the error when it does not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        end = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.log.read_text(errors="replace")[-2000:]
                self.kill()
                raise RuntimeError(f"{self.command[0]} did not start:\n{said}")
            try:
                if answers():
                    return
            except Exception:  # noqa: BLE001, whatever a driver raises means: not yet
                time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(force=True)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(force=False)

    def _end(self, *, force: bool) -> None:
        if self.process is None:
            return
        if force:
            self.process.kill()
        else:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def suspend(pid: int) -> None:
    """Let a process stand still (``SIGSTOP``), and wait until each of its threads does.

    One that runs on another processor may answer a last request after the signal was sent.
    """
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    wait_until(lambda: all(_stands(each / "stat") for each in threads.iterdir()))


def _stands(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] in "TtZX"
    except FileNotFoundError:  # a thread that has ended
        return True


@contextmanager
def frozen(*servers: Server) -> Iterator[None]:
    """Stop processes in the middle of what they do, and let them go on afterwards."""
    running = [server.process for server in servers if server.process is not None]
    for process in running:
        suspend(process.pid)
    try:
        yield
    finally:
        for process in running:
            process.send_signal(signal.SIGCONT)
