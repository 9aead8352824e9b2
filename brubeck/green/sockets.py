"""The protocols of engines and streams, listening on an address, and streams over sockets."""

from __future__ import annotations

import _socket
import contextlib
import errno
import select
import socket
import struct
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from brubeck.errors import ConfigError

BACKLOG = 2048
T = TypeVar("T")
# Where the system cannot say that only the other end's half is closed, it still says when both are.
_HANGUP = getattr(select, "POLLRDHUP", 0)


class Address(msgspec.Struct, frozen=True):
    """Where to listen: a host and port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"{host}:{self.port}"


class Stream(Protocol):
    """A connected socket; one green thread reads from it and writes to it.

    `cut` may be called by any other: the reader then finds the end, the writer an `OSError`.
    """

    def fileno(self) -> int:
        """Return the socket's file descriptor; negative once it is closed."""

    def recv(self, size: int) -> bytes:
        """Wait for bytes and return at most ``size`` of them; none at the end."""

    @property
    def offers(self) -> bool:
        """Whether `offer` is to be had."""

    def offer(self, data: bytes) -> int:
        """Send as much as possible without waiting, and return the number of bytes sent."""

    def send(self, data: bytes) -> None:
        """Send all of it; `OSError` when the other end is gone."""

    def end(self) -> None:
        """Say that nothing more will be sent."""

    def reset(self) -> None:
        """Let `close` break the connection off: the other end gets an error, and no orderly end."""

    def cut(self) -> None:
        """End the stream in both directions, at once and from anywhere."""

    def close(self) -> None:
        """Give the socket back."""


class Signal(Protocol):
    """An event that happens once, and that one thread waits for: a light `threading.Event`."""

    def wait(self, seconds: float) -> bool:
        """Wait for it, and return whether it has happened."""

    def set(self) -> None:
        """Let it happen; the waiting thread goes on when it is its turn."""


class Engine(Protocol):
    """The interface of an engine, beside the (patched) standard library."""

    name: str
    interrupts: bool
    """Whether a `timeout` may interrupt a waiting thread."""

    def native(self, module: str, name: str) -> Callable[..., Any]:
        """Return a function of the unpatched standard library."""

    def spawn(self, function: Callable[..., object], *args: object) -> None:
        """Run a function concurrently."""

    def sleep(self, seconds: float) -> None:
        """Let others run for ``seconds``; zero lets each of them run once."""

    def timeout(self, seconds: float) -> AbstractContextManager[None]:
        """Return a context that raises `TimeoutError` when it takes longer."""

    def loop(self) -> Hashable | None:
        """Return the event loop of the calling thread of the system; None for plain threads."""

    def signal(self) -> Signal:
        """Return a signal for threads of one loop."""

    def offload(self, function: Callable[..., T], *args: object) -> T:
        """Run a blocking function in a thread of the system, and return its result."""

    def addresses(self, host: str, port: int) -> list[Any]:
        """Return the addresses of a host, as ``getaddrinfo`` does for connections over TCP.

        However many names are waited for, they hold up neither each other nor what is offloaded.
        """

    def stream(self, sock: object) -> Stream:
        """Return a connected socket as a `Stream`."""

    def wait_readable(self, fileno: int, seconds: float) -> bool:
        """Wait until a file descriptor is readable, and return whether it is."""

    def hung_up(self, filenos: Iterable[int]) -> list[int]:
        """Return those of some connected sockets that the other end has left; never waits."""


class Closed(Exception):
    """The socket that was waited on has been closed."""


def break_off(sock: socket.socket) -> None:
    """Let a socket be closed by a reset, without what is still to be sent (``SO_LINGER``)."""
    with contextlib.suppress(OSError):  # it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class BlockingStream:
    """A stream over a socket with blocking calls: plain threads, patched sockets."""

    __slots__ = ("_sock",)

    offers = False

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setblocking(True)

    def fileno(self) -> int:
        """Return the socket's file descriptor."""
        return self._sock.fileno()

    def recv(self, size: int) -> bytes:
        """Wait for bytes; a broken connection is an end like any other."""
        try:
            return self._sock.recv(size)
        except OSError:
            return b""

    def offer(self, _data: bytes) -> int:
        """Send nothing: its own calls wait."""
        return 0

    def send(self, data: bytes) -> None:
        """Send all of it; `OSError` when the other end is gone."""
        self._sock.sendall(data)

    def end(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Let `close` break the connection off."""
        break_off(self._sock)

    def cut(self) -> None:
        """End the stream in both directions."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        self._sock.close()


class TLSStream(BlockingStream):
    """A stream over TLS.

    ``shutdown`` of a TLS socket would take the session away from a thread that uses it right now,
    so streams are ended and cut at the socket below.
    """

    __slots__ = ()

    def end(self) -> None:
        """Say that nothing more will be sent, so that nobody can have cut it short.

        The other end is to say the same (RFC 8446, section 6.1); that is not waited for.
        """
        self._sock.setblocking(False)
        with contextlib.suppress(OSError, ValueError):
            self._sock.unwrap()  # type: ignore[attr-defined]  # it is an SSLSocket
        self._sock.setblocking(True)
        self._shut(socket.SHUT_WR)

    def cut(self) -> None:
        """End the stream in both directions."""
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            below = _socket.socket(fileno=self._sock.fileno())
            try:
                below.shutdown(how)
            finally:
                below.detach()


def hung_up(poll: select.poll, filenos: Iterable[int]) -> list[int]:
    """Return those of some sockets that the other end has left, by an unpatched poll."""
    for fileno in filenos:
        if fileno >= 0:
            poll.register(fileno, _HANGUP)
    ends = _HANGUP | select.POLLHUP | select.POLLERR
    return [fileno for fileno, event in poll.poll(0) if event & ends]


def listen(address: Address) -> socket.socket:
    """Return a socket that listens on an address; `ConfigError` when that cannot be had.

    The socket may be inherited by worker processes. A Unix socket that nobody serves any more is
    replaced, any other file is not.
    """
    try:
        return _listen_unix(address.path) if address.path else _listen_tcp(address)
    except OSError as reason:
        hint = " Something is already listening there." if _taken(reason) else ""
        # A path that is too long is an error without a number and its words.
        words = reason.strerror or reason
        raise ConfigError(f"Cannot listen on {address}: {words}.{hint}") from reason
    except UnicodeError as reason:
        raise ConfigError(f"Cannot listen on {address}: not a host name.") from reason


def _taken(reason: OSError) -> bool:
    return reason.errno == errno.EADDRINUSE


def _listen_tcp(address: Address) -> socket.socket:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, where = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _listen_unix(path: str) -> socket.socket:
    if Path(path).is_socket() and not _is_served(path):
        Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
    return True
