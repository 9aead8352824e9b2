"""Programs of Brubeck's as real processes: started, waited for, told to stop, and stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers import wait_until
from tests.servers.commands import commands

ROOT = Path(__file__).parents[2]
PATCHING = (("run",), ("work",))
"""Commands that patch the standard library before much is imported, so that each starts anew."""


@dataclass
class Program:
    """A running process, and where it writes."""

    process: subprocess.Popen[bytes]
    path: Path
    port: int = 0

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self.path.read_text(errors="replace")

    def await_output(self, text: str) -> None:
        """Wait until it has written something; what it wrote instead is in the error."""
        with suppress(TimeoutError):
            wait_until(lambda: text in self.output or self._ended(), seconds=30)
        assert text in self.output, f"it never wrote {text!r}:\n{self.output}"

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def running(
    *command: str, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> Iterator[Program]:
    """Run a command in the background; stop it afterwards, if it has not ended by then."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "output"
        with path.open("wb") as file:
            process = subprocess.Popen(
                command, cwd=cwd, stdout=file, stderr=file, env=os.environ | (env or {})
            )
        try:
            yield Program(process, path)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def brubeck(
    folder: Path, *arguments: str, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of ``brubeck`` in a folder, to its end, with something typed into it.

    ``settings`` are environment variables without ``BRUBECK_``, in lower case.
    """
    env = os.environ | {f"BRUBECK_{name.upper()}": value for name, value in settings.items()}
    if arguments[:1] not in PATCHING:
        return commands().run(folder, arguments, given, env)
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "brubeck", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=60,
        input=given,
        env=env,
    )


@contextmanager
def brubeck_run(
    program: str,
    *options: str,
    listen: str = "http://127.0.0.1:0",
    cwd: Path = ROOT,
    **settings: str,
) -> Iterator[Program]:
    """Run ``brubeck run`` with warnings as errors and wait until it serves.

    ``settings`` are environment variables without ``BRUBECK_``, in lower case.
    """
    env = {f"BRUBECK_{name.upper()}": value for name, value in settings.items()}
    command = (sys.executable, "-W", "error", "-m", "brubeck", "run", program)
    with running(*command, "--listen", listen, *options, env=env, cwd=cwd) as started:
        started.await_output("Ctrl-C stops it")
        found = re.search(r"://127\.0\.0\.1:(\d+)", started.output)
        started.port = int(found[1]) if found else 0
        yield started
