"""Commands of ``brubeck`` that come to an end: a process that has imported much forks each of them.

Each is a process with a folder, an environment and standard streams of its own, as if it had been
started by a shell, but without half a second of imports. ``python -m tests.servers.commands`` reads
orders from its standard input, a line of JSON each, and answers with the exit status. What patches
the standard library has to be started anew: see `programs.brubeck`.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT = Path(__file__).parents[2]
LONGEST: Final = 60
"""Seconds after which a command is ended by a signal."""
IMPORTED: Final = (
    *("brubeck.cli", "brubeck.application", "brubeck.auth.passwords", "brubeck.jobs"),
    *("brubeck.connections.mongrel2.configuration", "brubeck.jobs.worker"),
    *("brubeck.storage.memory", "brubeck.storage.sqlite", "brubeck.storage.redis"),
    *("brubeck.models", "argon2", "zmq"),
)
STREAMS: Final = (
    ("stdin", os.O_RDONLY),
    ("stdout", os.O_WRONLY | os.O_CREAT),
    ("stderr", os.O_WRONLY | os.O_CREAT),
)


class Commands:
    """The test's side: runs one command at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.servers.commands"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(
        self, folder: Path, arguments: Sequence[str], given: str, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run ``brubeck`` in a folder, to its end."""
        with TemporaryDirectory() as place, self._lock:
            streams = {name: Path(place) / name for name, _ in STREAMS}
            streams["stdin"].write_text(given)
            order = {"folder": str(folder), "arguments": [*arguments], "env": {**env}}
            order["streams"] = {name: str(path) for name, path in streams.items()}
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            said = (streams[name].read_text() for name in ("stdout", "stderr"))
            return subprocess.CompletedProcess([*arguments], status, *said)

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)


@cache
def commands() -> Commands:
    """Return the one of this process."""
    made = Commands()
    atexit.register(made.close)
    return made


def serve() -> None:
    """Carry out the orders that come."""
    for name in IMPORTED:
        import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _do(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _do(order: dict[str, Any]) -> None:
    """Be the command, and end."""
    status: object = 1
    try:
        for number, (name, flags) in enumerate(STREAMS):
            os.dup2(os.open(order["streams"][name], flags), number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(LONGEST)
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["folder"])
        sys.path[0] = order["folder"]
        sys.argv = ["brubeck", *order["arguments"]]
        runpy.run_module("brubeck", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as reason:
        status = reason.code
    except BaseException:  # noqa: BLE001, it ends here, whatever it is
        traceback.print_exc()
    finally:
        for each in (sys.stdout, sys.stderr):
            each.flush()
        os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the test that is interrupted closes us
    serve()
