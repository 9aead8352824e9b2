"""A proxy between one writer and its server, that counts commands and stops the writer at one.

It understands just enough of a protocol to tell where a request ends and what it is called. At the
command it is armed for it holds either the command, *before* the server has it, or the reply,
*after* the server has carried it out. What it holds it lets go, or drops with the connection.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, Literal

When = Literal["before", "after"]
Framing = Callable[[bytes], "tuple[int, str] | None"]
"""Returns the length and the name of the first request of some bytes, when it is whole."""

UNCOUNTED: Final = frozenset(
    {"hello", "ismaster", "ping", "endsessions", "client", "select", "auth", "subscribe"}
)
"""What a driver says on its own account."""


def redis_request(data: bytes) -> tuple[int, str] | None:
    """Read a request of Redis: an array of strings (RESP)."""
    line, found, _ = data.partition(b"\r\n")
    if not found:
        return None
    at = len(line) + 2
    words = []
    for _ in range(int(line[1:])):
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        length = int(data[at + 1 : end])
        at = end + 2 + length + 2
        if at > len(data):
            return None
        words.append(data[end + 2 : end + 2 + length])
    return at, words[0].decode().lower()


def mongo_request(data: bytes) -> tuple[int, str] | None:
    """Read a message to MongoDB: its length, and the first name in its document.

    Source: the wire protocol's OP_MSG; older messages come only from a driver that greets.
    """
    if len(data) < 16:
        return None
    length, _, _, code = struct.unpack_from("<iiii", data)
    if len(data) < length:
        return None
    if code != 2013:
        return length, "hello"
    return length, data[26 : data.index(b"\0", 26)].decode().lower()


class Proxy:
    """One writer's way to its server."""

    def __init__(self, port: int, framing: Framing) -> None:
        self._target = port
        self._framing = framing
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.held = threading.Event()
        self.commands: list[str] = []  # since it was armed
        self._at: int | None = None
        self._when: When = "before"
        self._armed = False
        self._go = threading.Event()
        self._dropped = False
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._run(self._accept)

    def arm(self, at: int | None = None, when: When = "before") -> None:
        """Count from now on, and hold the command of a number (the first is 0), or none."""
        with self._lock:
            self._at, self._when, self._armed = at, when, True

    def release(self) -> None:
        """Let go what is held."""
        self._go.set()

    def drop(self) -> None:
        """Drop what is held, and its connection."""
        self._dropped = True
        self._go.set()

    def close(self) -> None:
        """Close every connection."""
        self.drop()
        with self._lock:
            for each in [self._listener, *self._open]:
                _shut(each)

    def _run(self, function: Callable[..., None], *args: object) -> None:
        threading.Thread(target=function, args=args, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._open += [client, server]
                connection = _Connection(client, server)
                self._run(self._requests, connection)
                self._run(self._replies, connection)

    def _requests(self, connection: _Connection) -> None:
        with connection.closing():
            for message, name in _messages(connection.client, self._framing):
                if self._is_point(name):
                    if self._when == "before":
                        if not self._hold():
                            return
                    else:
                        connection.holds_reply = True
                connection.server.sendall(message)

    def _replies(self, connection: _Connection) -> None:
        with connection.closing():
            while data := connection.server.recv(1 << 16):
                if connection.holds_reply:
                    connection.holds_reply = False
                    if not self._hold():
                        return
                connection.client.sendall(data)

    def _is_point(self, name: str) -> bool:
        with self._lock:
            if not self._armed or name in UNCOUNTED:
                return False
            self.commands.append(name)
            return len(self.commands) - 1 == self._at

    def _hold(self) -> bool:
        self.held.set()
        self._go.wait()
        return not self._dropped


class _Connection:
    """The two ends of one connection."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.holds_reply = False

    def closing(self) -> _Closing:
        """Close both ends after a body, whatever happened in it."""
        return _Closing(self)


class _Closing:
    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        _shut(self._connection.client)
        _shut(self._connection.server)
        return kind is not None and issubclass(kind, OSError)


def _messages(client: socket.socket, framing: Framing) -> Iterator[tuple[bytes, str]]:
    buffer = b""
    while data := client.recv(1 << 16):
        buffer += data
        while (found := framing(buffer)) is not None:
            length, name = found
            yield buffer[:length], name
            buffer = buffer[length:]


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
