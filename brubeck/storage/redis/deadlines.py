"""One deadline over an operation: over connecting, discovery, every read, every write, each retry.

The driver knows a timeout for each read of a socket. Several of them, several Sentinels and several
retries add up. So the deadline of an operation is kept beside the operation, and each connection
waits no longer than until then.
"""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import Any, Final

import redis.connection
import redis.sentinel

from brubeck.storage.redis.run_ids import IdentifiedConnection

_connection: Any = redis.connection  # half typed
_sentinel: Any = redis.sentinel

_DEADLINE: Final = ContextVar("deadline", default=inf)
_SHORTEST: Final = 0.001
"""Seconds that a step may take after the deadline: enough to fail by the usual error."""
_SLACK: Final = 0.02
"""Seconds by which the timeout of a socket may be wrong, so that it is seldom set."""


class within:  # noqa: N801, it reads as a word
    """Limit all commands sent inside to a number of seconds together; an earlier deadline holds."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = _DEADLINE.set(min(_DEADLINE.get(), monotonic() + self._seconds))

    def __exit__(self, *_: object) -> None:
        _DEADLINE.reset(self._token)


def remaining() -> float:
    """Return the seconds until the deadline, at least a millisecond; `inf` where there is none."""
    return max(_DEADLINE.get() - monotonic(), _SHORTEST)


class TimedSocket:
    """A socket with reads and writes that end at the deadline, and at its own timeout before."""

    __slots__ = ("_own", "_sock")

    def __init__(self, sock: Any, timeout: float) -> None:
        self._sock = sock
        self.settimeout(timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    @property
    def inner(self) -> Any:
        """The socket without a deadline."""
        return self._sock

    def settimeout(self, timeout: float | None) -> None:
        """Set the socket's own timeout, as for any socket."""
        self._own = timeout
        self._sock.settimeout(timeout)

    def recv(self, *args: Any) -> Any:
        """Receive bytes."""
        self._limit()
        return self._sock.recv(*args)

    def recv_into(self, *args: Any) -> Any:
        """Receive bytes into a buffer and return how many."""
        self._limit()
        return self._sock.recv_into(*args)

    def sendall(self, *args: Any) -> None:
        """Send all bytes."""
        self._limit()
        self._sock.sendall(*args)

    def _limit(self) -> None:
        if self._own == 0:
            return  # it waits for nothing
        limit = min(inf if self._own is None else self._own, remaining())
        current = self._sock.gettimeout()
        if limit == inf:
            self._sock.settimeout(None)
        elif current is None or abs(limit - current) > _SLACK:
            self._sock.settimeout(limit)


class _Timed(IdentifiedConnection):
    """A connection that keeps the deadline; a mixin before the driver's class."""

    socket_timeout: float
    _sock: Any

    def connect(self) -> None:
        """Connect if necessary, within the connection's timeout."""
        with within(self.socket_timeout):
            super().connect()

    def is_current(self) -> bool:
        """Whether it leads to the server that a new connection would lead to."""
        return True

    def raw_socket(self) -> Any:
        """Return the socket below the timed one; whoever uses it keeps the deadline."""
        return self._sock.inner

    def _connect(self) -> TimedSocket:
        timeout = self.socket_timeout
        # Both the connection and the handshake of TLS, which the driver's own class does, too.
        self.socket_connect_timeout = self.socket_timeout = min(timeout, remaining())
        try:
            sock = self._secured(super()._connect())
        finally:
            self.socket_timeout = timeout
        return TimedSocket(sock, timeout)

    def _secured(self, sock: Any) -> Any:
        return sock


class TimedConnection(
    _Timed,
    _connection.Connection,  # type: ignore[misc]  # the driver has no types
):
    """A connection to a Redis that keeps the deadline.

    ``tls`` is the context to connect by, if any. ``share`` is the part of the remaining time that
    connecting and logging in may take, where another server can be asked afterwards.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, share: float = 1.0, **options: Any
    ) -> None:
        self._tls = tls
        self._share = share
        super().__init__(**options)

    def connect_check_health(self, *args: Any, **options: Any) -> None:
        """Connect and log in, within the share of the remaining time."""
        with within(self.socket_timeout), within(remaining() * self._share):
            super().connect_check_health(*args, **options)

    def _secured(self, sock: Any) -> Any:
        if self._tls is None:
            return sock
        try:
            return self._tls.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise


class TimedUnixConnection(
    _Timed,
    _connection.UnixDomainSocketConnection,  # type: ignore[misc]  # the driver has no types
):
    """A connection to a Redis at a socket of this machine."""


class TimedMasterConnection(
    _sentinel.SentinelManagedConnection,  # type: ignore[misc]  # the driver has no types
    TimedConnection,
):
    """A connection to the master that the Sentinels name."""

    def connect(self) -> None:
        """Ask the Sentinels and connect, within the connection's timeout."""
        with within(self.socket_timeout):
            super().connect()

    def is_current(self) -> bool:
        """Whether no other connection has found another master since."""
        return bool((self.host, self.port) == self.connection_pool.master_address)


class TimedCommands:
    """A client with commands that take ``timeout`` seconds at most, retries included."""

    timeout: float = inf
    moves_keys = False
    """Whether keys may be moved to another server while they are used."""

    def run(self, *command: Any) -> Any:
        """Send a command and return its reply as it came."""
        return self.execute_command(*command)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command and return its reply."""
        with within(self.timeout):
            return super().execute_command(*args, **options)  # type: ignore[misc]  # a driver's
