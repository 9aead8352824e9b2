"""Several processes on one port: started, watched, replaced when they die, stopped together.

A worker is the same program started again: the same command line, with the listening socket handed
down and its number in ``BRUBECK_WORKER``. So a worker shares nothing with its supervisor, no
patched library, no open store, and what it runs is always the code as it is on disk.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from brubeck.errors import ConfigError

log = logging.getLogger("brubeck.server")

VARIABLE: Final = "BRUBECK_WORKER"
_NO_SOCKET: Final = -1
_LOOK: Final = 0.1
_SOON: Final = 2.0
_MOST_DEATHS: Final = 5


def inherited() -> tuple[int | None, socket.socket | None]:
    """Return a worker's supervisor and the socket that it handed down; None for what is not."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return None, None
    supervisor, _, number = text.partition(":")
    handed = int(number)
    return int(supervisor), None if handed == _NO_SOCKET else socket.socket(fileno=handed)


def stop_when_orphaned(stop: Callable[[], None], supervisor: int) -> None:
    """Stop a worker whose supervisor was killed: nobody else would ever tell it to."""
    while os.getppid() == supervisor:
        time.sleep(_LOOK * 5)
    log.error("The supervisor is gone; stopping.")
    stop()


class Supervisor:
    """Keeps a number of workers running until it is told to stop.

    ``changed`` is asked now and then whether the program on disk is another one; then all workers
    are replaced.
    """

    def __init__(
        self,
        workers: int,
        listener: socket.socket | None,
        *,
        grace: float,
        changed: Callable[[], bool] | None = None,
    ) -> None:
        self._wanted = workers
        self._listener = listener
        self._grace = grace
        self._changed = changed
        self._running: dict[subprocess.Popen[bytes], float] = {}
        self._early_deaths = 0
        self._stopping = False

    def run(self) -> None:
        """Run the workers; `ConfigError` when they cannot be kept alive."""
        try:
            while not self._stopping:
                self._bury()
                while len(self._running) < self._wanted and not self._stopping:
                    self._start()
                time.sleep(_LOOK)
                if self._changed is not None and self._changed():
                    log.info("The program has changed; starting it again.")
                    self._end()
        finally:
            self._end()

    def stop(self) -> None:
        """Stop soon; may be called from a signal handler."""
        self._stopping = True

    def _start(self) -> None:
        handed = [] if self._listener is None else [self._listener.fileno()]
        environment = os.environ | {
            VARIABLE: f"{os.getpid()}:{handed[0] if handed else _NO_SOCKET}"
        }
        worker = subprocess.Popen(  # noqa: S603, it is this very program
            [sys.executable, *sys.orig_argv[1:]], env=environment, pass_fds=handed
        )
        self._running[worker] = time.monotonic()

    def _bury(self) -> None:
        """Take note of workers that died; they are replaced unless they all die at once."""
        for worker, since in list(self._running.items()):
            status = worker.poll()
            if status is None:
                continue
            del self._running[worker]
            if self._changed is not None and status:
                self._await_change()
                continue
            log.error("Worker %d ended with status %d; starting another.", worker.pid, status)
            early = time.monotonic() - since < _SOON
            self._early_deaths = self._early_deaths + 1 if early else 0
            if self._early_deaths >= _MOST_DEATHS:
                raise ConfigError("The workers die as soon as they start; see above for why.")

    def _await_change(self) -> None:
        log.error("The program cannot run; waiting for a change.")
        while self._changed is not None and not self._changed() and not self._stopping:
            time.sleep(_LOOK)

    def _end(self) -> None:
        """Tell every worker to stop, and kill what has not after the grace."""
        for worker in self._running:
            worker.terminate()
        until = time.monotonic() + self._grace + 1
        for worker in self._running:
            try:
                worker.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("Worker %d does not stop; killing it.", worker.pid)
                worker.kill()
                worker.wait()
        self._running.clear()


class SourceWatch:
    """Tells whether Python files below the working directory have changed since it last looked."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen = self._look()

    def __call__(self) -> bool:
        """Look, and tell whether anything is different."""
        seen = self._look()
        changed = seen != self._seen
        self._seen = seen
        return changed

    def _look(self) -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in _sources(self._root)}


def _sources(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            if name.endswith(".py") or name == "brubeck.toml":
                yield Path(folder) / name
