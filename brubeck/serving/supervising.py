"""Several processes on one port: started, watched, replaced when they die, stopped together.

A worker is the same program started again: the same command line, with the listening socket handed
down and what to know about it in ``BRUBECK_WORKER``. So a worker shares nothing with its
supervisor, no patched library, no open store, and what it runs is always the code as it is on disk.
It says over a pipe when it is ready; one that dies before that would die again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

from brubeck.errors import ConfigError

log = logging.getLogger("brubeck.server")

VARIABLE: Final = "BRUBECK_WORKER"
_NO_SOCKET: Final = -1
_LOOK: Final = 0.1
_SOON: Final = 2.0
_MOST_DEATHS: Final = 5
_RELOAD_GRACE: Final = 1.0  # a developer waits for it


class Inherited(NamedTuple):
    """The inheritance of a worker from its supervisor: its pid, the listener and the pipe."""

    supervisor: int
    listener: socket.socket | None
    pipe: int

    def tell_ready(self) -> None:
        """Tell the supervisor that this worker serves."""
        # Not by `os.write`, which eventlet tries without end when nobody reads any more.
        with suppress(BrokenPipeError), FileIO(self.pipe, "w") as pipe:
            pipe.write(b"1")

    def stop_when_orphaned(self, stop: Callable[[], None]) -> None:
        """Stop when the supervisor was killed: nobody else would ever say so."""
        while os.getppid() == self.supervisor:
            time.sleep(_LOOK * 5)
        log.error("The supervisor is gone; stopping.")
        stop()


def inherited() -> Inherited | None:
    """Return the inheritance of this process, or None if it is no worker.

    It is taken out of the environment, so that a process that a worker starts is no worker.
    """
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return None
    try:
        supervisor, handed, family, pipe = map(int, text.split(":"))
    except ValueError:
        supervisor = _NO_SOCKET
    if supervisor != os.getppid():
        raise ConfigError(f"{VARIABLE} is what a supervisor tells its workers; do not set it.")
    if handed == _NO_SOCKET:
        return Inherited(supervisor, None, pipe)
    # Said in words, since a patched socket does not find out by itself what it is.
    listener = socket.socket(socket.AddressFamily(family), socket.SOCK_STREAM, fileno=handed)
    return Inherited(supervisor, listener, pipe)


def is_worker() -> bool:
    """Return whether this process has an inheritance that was not taken yet."""
    return VARIABLE in os.environ


class _Worker(NamedTuple):
    process: subprocess.Popen[bytes]
    pipe: int
    since: float

    def was_ready(self) -> bool:
        """Return whether it has ever reported that it is ready."""
        nothing = bytes(4)  # as an int of C's
        return fcntl.ioctl(self.pipe, termios.FIONREAD, nothing) != nothing

    def close(self) -> None:
        """Give its pipe back."""
        os.close(self.pipe)


class Supervisor:
    """Keeps a number of workers running until it is stopped.

    ``changed`` is called now and then and returns whether the program on disk has changed; then
    all workers are replaced. One that dies within ``soon`` seconds, or before it is ready, is
    taken for one that cannot run.
    """

    def __init__(
        self,
        workers: int,
        listener: socket.socket | None,
        *,
        grace: float,
        changed: Callable[[], bool] | None = None,
        soon: float = _SOON,
    ) -> None:
        self._wanted = workers
        self._listener = listener
        self._grace = grace
        self._changed = changed
        self._soon = soon
        self._running: list[_Worker] = []
        self._early_deaths = 0
        self._not_before = 0.0
        self._stopping = False
        self._hurried = False

    def run(self) -> None:
        """Run the workers; `ConfigError` when they cannot be kept alive."""
        try:
            while not self._stopping:
                self._reap()
                while len(self._running) < self._wanted and self._may_start():
                    self._start()
                time.sleep(_LOOK)
                if self._changed is not None and self._changed():
                    log.info("The program has changed; starting it again.")
                    self._end(min(self._grace, _RELOAD_GRACE))
        finally:
            if self._listener is not None:
                self._listener.close()  # new clients have to go elsewhere
            self._end(self._grace + 1)

    def stop(self) -> None:
        """Stop soon, and called again at once; may be called from a signal handler."""
        self._hurried = self._stopping
        self._stopping = True

    def _may_start(self) -> bool:
        return not self._stopping and time.monotonic() >= self._not_before

    def _start(self) -> None:
        handed, family = _NO_SOCKET, 0
        if self._listener is not None:
            handed, family = self._listener.fileno(), self._listener.family
        pipe, end = os.pipe()
        told = {VARIABLE: f"{os.getpid()}:{handed}:{family:d}:{end}"}
        # Ctrl-C goes to everybody at the terminal, and from here to the workers in another way.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process = subprocess.Popen(  # noqa: S603, it is this very program
                [sys.executable, *sys.orig_argv[1:]],
                env=os.environ | told,
                pass_fds=[fileno for fileno in (handed, end) if fileno != _NO_SOCKET],
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(end)
        self._running.append(_Worker(process, pipe, time.monotonic()))

    def _reap(self) -> None:
        """Take note of workers that died; they are replaced unless all die before they serve."""
        for worker in list(self._running):
            status = worker.process.poll()
            if status is None:
                continue
            self._running.remove(worker)
            was_ready = worker.was_ready()
            worker.close()
            if self._changed is not None and status and not was_ready:
                self._await_change()
                continue
            log.error(
                "Worker %d ended with status %d; starting another.", worker.process.pid, status
            )
            lived = time.monotonic() - worker.since
            self._count_death(early=not was_ready or lived < self._soon)

    def _count_death(self, *, early: bool) -> None:
        """Give up when workers die one after the other; until then, wait longer each time."""
        self._early_deaths = self._early_deaths + 1 if early else 0
        if self._early_deaths >= _MOST_DEATHS:
            raise ConfigError("The workers die as soon as they start; see above for why.")
        if early:
            self._not_before = time.monotonic() + _LOOK * 2**self._early_deaths

    def _await_change(self) -> None:
        log.error("The program cannot run; waiting for a change.")
        while self._changed is not None and not self._changed() and not self._stopping:
            time.sleep(_LOOK)

    def _end(self, grace: float) -> None:
        """Terminate every worker, and kill those that still run after the grace (seconds)."""
        alive = [worker.process for worker in self._running]
        for process in alive:
            process.terminate()
        until = time.monotonic() + grace
        while alive := [process for process in alive if process.poll() is None]:
            if self._hurried or time.monotonic() > until:
                break
            time.sleep(_LOOK / 4)
        for process in alive:
            log.warning("Worker %d does not stop; killing it.", process.pid)
            process.kill()
            process.wait()
        for worker in self._running:
            worker.close()
        self._running.clear()


class SourceWatch:
    """Watches for changes of the Python files below the working directory since the last call."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen = self._look()

    def __call__(self) -> bool:
        """Look, and return whether anything is different."""
        seen = self._look()
        changed = seen != self._seen
        self._seen = seen
        return changed

    def _look(self) -> dict[str, int]:
        seen = {}
        for path in _sources(self._root):
            with suppress(OSError):  # gone since, or never more than a link
                seen[str(path)] = path.stat().st_mtime_ns
        return seen


def _sources(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            if (name.endswith(".py") and name[0] != ".") or name == "brubeck.toml":
                yield Path(folder) / name
