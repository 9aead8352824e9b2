"""The engine of a process that gevent has patched."""

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import gevent
import gevent.monkey
from gevent.event import Event
from gevent.socket import wait_read
from gevent.threadpool import ThreadPool

from brubeck.green.sockets import BlockingStream, Signal, Stream, T, hung_up

_poll = gevent.monkey.get_original("select", "poll")


def patch() -> None:
    """Make the standard library cooperative."""
    gevent.monkey.patch_all()


class Engine:
    """Gevent's greenlets."""

    name = "gevent"
    interrupts = True

    def native(self, module: str, name: str) -> Callable[..., Any]:
        """Return a function of the unpatched standard library."""
        found: Callable[..., Any] = gevent.monkey.get_original(module, name)
        return found

    def spawn(self, function: Callable[..., object], *args: object) -> None:
        """Run a function in a greenlet."""
        gevent.spawn_raw(function, *args)

    def sleep(self, seconds: float) -> None:
        """Let others run for ``seconds``."""
        gevent.sleep(seconds)

    @contextmanager
    def timeout(self, seconds: float) -> Iterator[None]:
        """Interrupt the body after ``seconds``."""
        with gevent.Timeout(seconds, TimeoutError):
            yield

    def loop(self) -> Hashable:
        """Return gevent's hub."""
        hub: Hashable = gevent.get_hub()
        return hub

    def signal(self) -> Signal:
        """Return an event of gevent."""
        return _Event()

    def offload(self, function: Callable[..., T], *args: object) -> T:
        """Run a function in a native thread.

        The hub's own threads are also those of every name that a program asks for.
        """
        result: T = _OFFLOADED.pool().apply(function, args)
        return result

    def addresses(self, host: str, port: int) -> list[Any]:
        """Ask in a native thread of many: it is taken until there is an answer, wanted or not."""
        ask = partial(self.native("socket", "getaddrinfo"), type=socket.SOCK_STREAM)
        found: list[Any] = _ASKING.pool().apply(ask, (host, port))
        return found

    def stream(self, sock: socket.socket) -> Stream:
        """Return a stream over gevent's own socket."""
        return BlockingStream(sock)

    def wait_readable(self, fileno: int, seconds: float) -> bool:
        """Wait in the hub."""
        try:
            wait_read(fileno, timeout=seconds)
        except TimeoutError:
            return False
        return True

    def hung_up(self, filenos: Iterable[int]) -> list[int]:
        """Ask the kernel."""
        return hung_up(_poll(), filenos)


class _Pools:
    """A pool of native threads for each hub."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pools: WeakKeyDictionary[Any, ThreadPool] = WeakKeyDictionary()

    def pool(self) -> ThreadPool:
        """Return the pool of the calling thread's hub."""
        hub = gevent.get_hub()
        found = self._pools.get(hub)
        if found is None:
            found = self._pools[hub] = ThreadPool(self._size, hub=hub)
        return found


_OFFLOADED: Final = _Pools(10)
_ASKING: Final = _Pools(256)


class _Event(Event):  # type: ignore[misc]  # gevent has no types
    """A signal between greenlets."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for it."""
        return bool(super().wait(seconds))
