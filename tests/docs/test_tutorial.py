"""The tutorial: its files are written, and its commands run, in their order, as a reader would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.proxies.fronts import Front
from tests.servers import free_port
from tests.servers.programs import Program, running

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text()
PASSWORD = "a-tisket, a-tasket\n"
STAYING = ("brubeck run", "brubeck tail", "python follow.py")
"""Commands that do not come to an end."""
NOT_HERE = ("python3 -m venv", ". .venv/bin/activate", "pip install")
"""Commands for which the environment of the test stands."""


def steps() -> Iterator[tuple[str, str, str]]:
    """Yield each file (its name and text) and each command (and its output), with its kind."""
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE):
        if language in ("python", "toml"):
            name, _, text = block.removeprefix("# ").partition("\n")
            yield "file", name, text
        elif language == "console":
            for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = entry.partition("\n")
                yield "command", command, output


def matches(shown: str, printed: str) -> bool:
    """Return whether a text is as shown, with anything in place of each ellipsis."""
    parts = [re.escape(part) for part in shown.strip().split("\N{HORIZONTAL ELLIPSIS}")]
    return re.fullmatch(".*?".join(parts), printed.strip(), re.DOTALL) is not None


def last_of(shown: str) -> str:
    """Return the end of a text, after its last ellipsis."""
    return shown.strip().rpartition("\N{HORIZONTAL ELLIPSIS}")[2]


class Terminal:
    """A shell of a reader: its folder and variables last from one command to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._state = folder / "state"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._env = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
        self._state.write_text(f"cd {folder}\n")
        self._stack = ExitStack()
        self._staying: dict[str, tuple[Program, str]] = {}
        self._front: Front | None = None

    def local(self, text: str) -> str:
        """Return a text with the addresses of this test in it."""
        front = "" if self._front is None else self._front.url
        return text.replace("http://localhost", front).replace(":6767", f":{self.port}")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        (self.folder / "concerts" / name).write_text(self.local(text))

    def run(self, command: str, output: str) -> None:
        """Run a command, and see that it prints what is shown."""
        if "http://localhost" in command and self._front is None:
            self._front = Front("nginx", self.folder, self.port)
            self._front.run()
            self._stack.callback(self._front.stop)
        script = f'. {self._state}\n{self.local(command)}\n{{ echo "cd $PWD"; export -p; }}'
        if command.startswith(STAYING):
            self._stay(command, self.local(output))
            return
        done = subprocess.run(
            ["bash", "-c", f"{script} > {self._state}"],
            env=self._env,
            cwd=self.folder,
            input=PASSWORD,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        shown = self.local(output)
        # curl says on the other stream how fast it was.
        printed = done.stdout if command.startswith("curl") else done.stdout + done.stderr
        assert matches(shown, printed), f"$ {command}\n{printed}\ninstead of\n{shown}"
        if command.startswith("brubeck new"):
            settings = self.folder / "concerts" / "brubeck.toml"
            settings.write_text(self.local(settings.read_text()))

    def _stay(self, command: str, output: str) -> None:
        """Run a command in a terminal of its own; the program anew ends all that is there."""
        if command in self._staying:
            self.end_all()
        script = f". {self._state}; exec {self.local(command)}"
        program = self._stack.enter_context(running("bash", "-c", script, env=self._env))
        self._staying[command] = program, output
        if not command.startswith("brubeck tail"):  # its last line is of a later write
            program.await_output(last_of(output))

    def end(self, command: str) -> None:
        """Stop a command that stays, once it has printed what is shown."""
        program, output = self._staying.pop(command)
        program.await_output(last_of(output))
        printed = program.output
        assert matches(output, printed), f"$ {command}\n{printed}\ninstead of\n{output}"
        program.stop(signal.SIGINT)

    def end_all(self) -> None:
        """Stop all commands that stay, the last one first."""
        for command in reversed([*self._staying]):
            self.end(command)

    def close(self) -> None:
        """Stop whatever is still there."""
        self._stack.close()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Yield a terminal in a new folder."""
    made = Terminal(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_the_tutorial_does_what_it_says(terminal: Terminal) -> None:
    """From the first command to the last, with servers on ports of their own."""
    ran = 0
    for kind, name, text in steps():
        if kind == "file":
            terminal.write(name, text)
        elif not name.startswith(NOT_HERE):
            terminal.run(name, text)
            ran += 1
    terminal.end_all()
    assert ran > 12
