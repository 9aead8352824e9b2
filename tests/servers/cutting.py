"""A way to a server that can be cut at any moment, for all who go it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cutter:
    """Passes bytes on to a port, until it is told to cut every connection that there is."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self.taken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.taken += 1
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with client, suppress(ConnectionRefusedError):  # whoever comes then is cut off, too
            self._to_server(client)

    def _to_server(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            self._open |= {client, server}
            back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
            back.start()
            self._pass(client, server)
            back.join()
            self._open -= {client, server}

    def _pass(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                to.sendall(data)
        _end(source, to)

    def cut(self) -> None:
        """Cut everybody off, wherever in a message they are."""
        _end(*list(self._open))

    def close(self) -> None:
        """Cut everybody off, and let nobody come back."""
        _end(self._listener)
        self._listener.close()
        self.cut()


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutter(port: int) -> Iterator[Cutter]:
    """Stand before a port for a while."""
    made = Cutter(port)
    try:
        yield made
    finally:
        made.close()
