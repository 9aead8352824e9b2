"""ZeroMQ sockets that wait on whichever engine runs.

A ZeroMQ socket shows one file descriptor that becomes readable when its state *may* have changed,
and only once a change (the ``ZMQ_FD`` section of zmq_getsockopt): so everything that can be read is
read before anybody waits, and no wait is longer than a second.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import zmq

from brubeck.errors import ConfigError
from brubeck.green.sockets import Closed, Engine

_SLICE = 1.0


class ZMQSocket:
    """A ZeroMQ socket; `recv` is for one green thread, `send` for any number."""

    def __init__(
        self,
        kind: str,
        engine: Engine,
        *,
        identity: bytes,
        linger_ms: int,
        sndhwm: int,
        rcvhwm: int,
        longest: int,
    ) -> None:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(getattr(zmq, kind))
        socket.setsockopt(zmq.LINGER, linger_ms)
        socket.setsockopt(zmq.SNDHWM, sndhwm)
        socket.setsockopt(zmq.RCVHWM, rcvhwm)
        socket.setsockopt(zmq.MAXMSGSIZE, longest)
        # Queue only for connected peers: a pipe to one that left keeps nothing for the next.
        socket.setsockopt(zmq.IMMEDIATE, kind == "XPUB")
        if identity:
            socket.setsockopt(zmq.IDENTITY, identity)
        self._socket = socket
        self._engine = engine
        self._lock = threading.Lock()
        self._closed = False
        self._receiving = False

    def connect(self, address: str) -> None:
        """Connect to an address; ZeroMQ retries until the other end listens."""
        with self._told(address):
            self._socket.connect(address)

    def bind(self, address: str) -> str:
        """Bind to an address and return it with the port that was given (``tcp://…:*``)."""
        with self._told(address):
            self._socket.bind(address)
        endpoint = self._socket.getsockopt(zmq.LAST_ENDPOINT)
        return cast("bytes", endpoint).rstrip(b"\0").decode()

    @contextmanager
    def _told(self, address: str) -> Iterator[None]:
        try:
            yield
        except zmq.ZMQError as reason:
            self.close()
            raise ConfigError(f"ZeroMQ cannot use {address!r}: {reason}.") from reason

    def recv(self) -> bytes:
        """Wait for a message and return it; `Closed` when the socket is."""
        self._receiving = True
        try:
            while not self._closed:
                try:
                    with self._lock:
                        return self._socket.recv(zmq.NOBLOCK)
                except zmq.Again:
                    self._wait(_SLICE)
            raise Closed
        finally:
            self._receiving = False
            if self._closed:
                self._socket.close()

    def send(self, message: bytes) -> None:
        """Send a message; one that would have to wait for the other side does so."""
        while not self._closed:
            try:
                with self._lock:
                    if not self._closed:
                        return self._socket.send(message, zmq.NOBLOCK)
            except zmq.Again:
                # Not by the descriptor: eventlet lets one thread alone wait for it.
                self._engine.sleep(0.01)
        raise Closed

    def poll(self, seconds: float) -> bool:
        """Wait at most ``seconds`` for a message, and return whether there is one."""
        if not self._closed and not self._readable():
            self._wait(seconds)
        return not self._closed and self._readable()

    def _readable(self) -> bool:
        with self._lock:
            return bool(int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)

    def _wait(self, seconds: float) -> None:
        with self._lock:
            if self._closed:
                return
            fileno = int(self._socket.getsockopt(zmq.FD))
        self._engine.wait_readable(fileno, seconds)

    def close(self) -> None:
        """Close the socket; a `recv` under way ends with `Closed` within a second."""
        self._closed = True
        if not self._receiving:
            with self._lock:  # somebody may be about to send
                self._socket.close()
