"""The engine of a process in which nothing is patched: plain threads."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from brubeck.green.sockets import BlockingStream, Signal, Stream, T, hung_up


class Engine:
    """Plain threads."""

    name = "threads"
    interrupts = False

    def native(self, module: str, name: str) -> Callable[..., Any]:
        """Return a function of the unpatched standard library."""
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found

    def spawn(self, function: Callable[..., object], *args: object) -> None:
        """Run a function in a thread that does not keep the process alive."""
        threading.Thread(target=function, args=args, daemon=True).start()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    @contextmanager
    def timeout(self, seconds: float) -> Iterator[None]:
        """Raise `TimeoutError` after a body that took longer: a thread cannot be interrupted."""
        until = time.monotonic() + seconds
        yield
        if time.monotonic() > until:
            raise TimeoutError

    def loop(self) -> None:
        """Return None: a thread waits for itself."""

    def signal(self) -> Signal:
        """Return an event of the standard library."""
        return _Event()

    def offload(self, function: Callable[..., T], *args: object) -> T:
        """Run a function here: a thread holds up nobody else."""
        return function(*args)

    def addresses(self, host: str, port: int) -> list[Any]:
        """Ask in the calling thread, which alone waits."""
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    def stream(self, sock: socket.socket) -> Stream:
        """Return a stream over the socket's own calls."""
        return BlockingStream(sock)

    def wait_readable(self, fileno: int, seconds: float) -> bool:
        """Wait with ``poll``, which has no limit on the number of the descriptor."""
        poll = select.poll()
        poll.register(fileno, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def hung_up(self, filenos: Iterable[int]) -> list[int]:
        """Ask the kernel."""
        return hung_up(select.poll(), filenos)


class _Event(threading.Event):
    """A signal between threads."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for it."""
        return super().wait(seconds)
