"""The engine of a process that eventlet has patched, and its cheap way to wait on a socket."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from brubeck.green.eventlet_names import import_eventlet
from brubeck.green.sockets import BlockingStream, Signal, Stream, T, break_off, hung_up

eventlet = import_eventlet()

from eventlet import greenio, hubs, patcher, tpool  # noqa: E402, only after the import above
from eventlet.support.greenlets import getcurrent, greenlet  # noqa: E402, likewise

_poll = patcher.original("select").poll


def patch() -> None:
    """Make the standard library cooperative."""
    eventlet.monkey_patch()


class Engine:
    """Eventlet's green threads."""

    name = "eventlet"
    interrupts = True

    def native(self, module: str, name: str) -> Callable[..., Any]:
        """Return a function of the unpatched standard library."""
        found: Callable[..., Any] = getattr(patcher.original(module), name)
        return found

    def spawn(self, function: Callable[..., object], *args: object) -> None:
        """Run a function in a green thread."""
        eventlet.spawn_n(function, *args)

    def sleep(self, seconds: float) -> None:
        """Let others run for ``seconds``."""
        eventlet.sleep(seconds)

    @contextmanager
    def timeout(self, seconds: float) -> Iterator[None]:
        """Interrupt the body after ``seconds``."""
        with eventlet.Timeout(seconds, TimeoutError):
            yield

    def loop(self) -> Hashable:
        """Return the hub."""
        hub: Hashable = hubs.get_hub()
        return hub

    def signal(self) -> Signal:
        """Return a signal between green threads of one hub."""
        return _Signal()

    def offload(self, function: Callable[..., T], *args: object) -> T:
        """Run a function in one of eventlet's native threads."""
        result: T = tpool.execute(function, *args)
        return result

    def addresses(self, host: str, port: int) -> list[Any]:
        """Ask in the calling thread, which alone waits."""
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    def stream(self, sock: Any) -> Stream:
        """Return a stream that stays registered with the hub."""
        if isinstance(sock, greenio.GreenSocket):
            return HubStream(sock)
        return BlockingStream(sock)

    def wait_readable(self, fileno: int, seconds: float) -> bool:
        """Wait in the hub."""
        try:
            hubs.trampoline(fileno, read=True, timeout=seconds, timeout_exc=TimeoutError)
        except TimeoutError:
            return False
        return True

    def hung_up(self, filenos: Iterable[int]) -> list[int]:
        """Ask the kernel."""
        return hung_up(_poll(), filenos)


class _Signal:
    """A signal by the hub's timers alone: an `eventlet.event.Event` takes several times as long."""

    __slots__ = ("_hub", "_is_set", "_waiting")

    def __init__(self) -> None:
        self._hub = hubs.get_hub()
        self._is_set = False
        self._waiting: greenlet | None = None

    def wait(self, seconds: float) -> bool:
        """Wait for it, or for the hub's timer."""
        if self._is_set:
            return True
        self._waiting = getcurrent()
        timer = self._hub.schedule_call_global(seconds, self._wake)
        try:
            self._hub.switch()
        finally:
            self._waiting = None
            timer.cancel()
        return self._is_set

    def set(self) -> None:
        """Let the hub wake the green thread that waits."""
        if not self._is_set:
            self._is_set = True
            if self._waiting is not None:
                self._hub.schedule_call_global(0, self._wake)

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.switch()


class HubStream:
    """A socket with a registration at the hub that lasts as long as the connection.

    Eventlet's own sockets register with epoll before each wait and unregister after it. A
    connection that is kept alive waits once a request, so staying registered saves two system
    calls and two more tries on each of them. Bytes that come while nothing waits for them (a
    pipelined request) end the registration, and the next wait starts a new one: the hub never
    spins on them.
    """

    __slots__ = ("_closed", "_green", "_hub", "_listener", "_sock", "_waiting")

    offers = True

    def __init__(self, green: Any) -> None:
        self._green = green  # it closes the socket below when nobody holds it any more
        self._sock: socket.socket = green.fd
        self._sock.setblocking(False)
        self._hub = hubs.get_hub()
        self._listener: Any = None
        self._waiting: greenlet | None = None
        self._closed = False

    def fileno(self) -> int:
        """Return the socket's file descriptor."""
        return self._sock.fileno()

    def recv(self, size: int) -> bytes:
        """Wait for bytes; a broken connection is an end like any other."""
        while not self._closed:
            if self._listener is None:
                self._register()
            self._waiting = getcurrent()
            try:
                # What `hub.switch` does, without what it does for greenlets that are not ours.
                self._hub.ensure_greenlet()
                self._hub.greenlet.switch()
            finally:
                self._waiting = None
            try:
                return self._sock.recv(size)
            except BlockingIOError:
                continue
            except OSError:
                break
        return b""

    def _register(self) -> None:
        hub = self._hub
        self._listener = hub.add(
            hub.READ, self._sock.fileno(), self._readable, self._interrupt, self._forget
        )

    def _readable(self, _fileno: int) -> None:
        waiting = self._waiting
        if waiting is None:
            self._unregister()
        else:
            waiting.switch()

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.switch()

    def _interrupt(self, *error: Any) -> None:
        if self._waiting is not None:
            self._waiting.throw(*error)

    def _forget(self) -> None:
        self._listener = None

    def _unregister(self) -> None:
        if self._listener is not None:
            self._hub.remove(self._listener)
            self._listener = None

    def offer(self, data: bytes) -> int:
        """Send as much as the kernel takes now, and return how many bytes of it that was."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def send(self, data: bytes) -> None:
        """Send all of it; `OSError` when the other end is gone."""
        sent = 0
        view: bytes | memoryview = data
        while True:
            try:
                sent = self._sock.send(view)
            except BlockingIOError:
                sent = 0
            if sent == len(view):
                return
            view = memoryview(view)[sent:]
            hubs.trampoline(self._sock.fileno(), write=True)

    def end(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Let `close` break the connection off."""
        break_off(self._sock)

    def cut(self) -> None:
        """End the stream in both directions; threads that wait on it wake up."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back; a thread that waits on it finds its end."""
        self._closed = True
        self._unregister()
        self._sock.close()
        if self._waiting is not None:
            self._hub.schedule_call_global(0, self._wake)
