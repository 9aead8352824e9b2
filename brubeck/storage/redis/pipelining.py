"""One connection on which all green threads send their commands at once.

A command need not wait for the reply to the one before it: a server answers in the order in which
it was asked. So one connection serves everybody: what several threads send goes out together, and
one read of the socket brings the replies to many of them. The driver makes the connection, with its
TLS, log-in and Sentinels; sending and parsing are done here.

A reply is given to the thread that sent the command, or to nobody:

- A thread that gives up leaves its place in the order, and its reply is dropped.
- A connection on which a thread has waited in vain takes no more commands. Those that are on it may
  still be answered until their own deadlines.
- A connection that is lost, or brings anything but the replies that are due, is closed, and fails
  all the commands that are on it.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any, Final

import hiredis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse, ReadOnlyError
from redis.exceptions import TimeoutError as TooLate

from brubeck import green
from brubeck.storage.redis.deadlines import remaining

_RECEIVED: Final = 1 << 16
"""The maximal number of bytes that are received before others get their turn."""


class _Exchange:
    """A thread that waits for the replies to its commands."""

    __slots__ = ("count", "error", "is_wanted", "replies", "signal")

    def __init__(self, count: int) -> None:
        self.count = count
        self.error: Exception | None = None
        self.is_wanted = True
        self.replies: list[Any] = []
        self.signal = green.signal()


class Pipeline:
    """A connection of the driver's pool, shared by the green threads of one event loop."""

    def __init__(self, connection_pool: Any) -> None:
        self._connection_pool = connection_pool
        self._connection = connection = connection_pool.get_connection()
        self._run_id: bytes = connection.run_id()  # connects
        self._stream = green.stream(connection.raw_socket())
        self._parser = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=connection._parser.parse_error,  # noqa: SLF001, the driver's own errors
        )
        self._pending: deque[_Exchange] = deque()
        self._unsent: list[bytes] = []
        self._is_sending = False
        self._is_open = True
        self._is_closed = False
        self._pid = os.getpid()
        self.pack_command = connection.pack_command
        green.spawn(self._receive)

    @property
    def is_open(self) -> bool:
        """Whether it takes commands."""
        return self._is_open and self._pid == os.getpid() and self._connection.is_current()

    def run_id(self) -> bytes:
        """Return the run id of the server."""
        return self._run_id

    def exchange(self, packed: list[bytes], count: int = 1) -> list[Any]:
        """Send packed commands and return their replies; raise the first error among them.

        Raises the driver's `ConnectionError` where the connection was lost before all replies had
        come, and its `TimeoutError` after the deadline.
        """
        exchange = _Exchange(count)
        self._pending.append(exchange)
        try:
            self._send(packed[0] if len(packed) == 1 else b"".join(packed))
            is_answered = exchange.signal.wait(remaining())
        except BaseException:
            self._give_up(exchange)
            raise
        if not is_answered:
            self._is_open = False
            self._give_up(exchange)
            raise TooLate("Timeout reading from socket")
        if exchange.error is not None:
            raise exchange.error
        for reply in exchange.replies:
            if isinstance(reply, ReadOnlyError):
                self.retire()  # its server was a master, and has become a replica
                raise Disconnected(str(reply))
            if isinstance(reply, Exception):
                raise reply
        return exchange.replies

    def retire(self) -> None:
        """Take no more commands, and close as soon as nobody waits for a reply."""
        self._is_open = False
        self._close_if_unwanted()

    def close(self) -> None:
        """Fail what is on it, and close it at once."""
        self._fail(Disconnected("Connection closed."))
        self._stream.close()

    def _give_up(self, exchange: _Exchange) -> None:
        """Leave its place in the order to an exchange that nobody waits for any more."""
        exchange.is_wanted = False
        self._close_if_unwanted()

    def _close_if_unwanted(self) -> None:
        if not self._is_open and not any(each.is_wanted for each in self._pending):
            self._stream.cut()

    def _send(self, data: bytes) -> None:
        if self._is_closed:
            raise Disconnected("Connection closed by server.")
        if self._is_sending:
            self._unsent.append(data)  # the thread that is sending takes it along
            return
        try:
            sent = self._stream.offer(data)
            if sent != len(data):
                self._unsent.append(data[sent:])
                self._send_rest()
        except OSError as reason:  # a `TimeoutError`, too; some command may have been cut
            self._fail(Disconnected(f"Error while writing to socket: {reason}"))
            if isinstance(reason, TimeoutError):
                raise TooLate("Timeout writing to socket") from None
            raise Disconnected(str(reason)) from reason
        except BaseException:
            self._fail(Disconnected("Interrupted while writing to socket"))
            raise

    def _send_rest(self) -> None:
        self._is_sending = True
        try:
            with green.timeout(remaining()):
                while self._unsent:
                    unsent, self._unsent = self._unsent, []
                    self._stream.send(b"".join(unsent))
        finally:
            self._is_sending = False

    def _receive(self) -> None:
        """Give each reply to its thread, until the connection ends."""
        error = Disconnected("Connection closed by server.")
        try:
            while data := self._stream.recv(_RECEIVED):
                self._parser.feed(data)
                self._deliver()
        except Exception as reason:  # noqa: BLE001, whatever it is, no later reply can be trusted
            error = Disconnected(f"Invalid reply: {reason}")
        finally:
            self._fail(error)
            self._stream.close()
            self._connection.disconnect()
            self._connection_pool.release(self._connection)

    def _deliver(self) -> None:
        parsed, pending = self._parser.gets, self._pending
        while (reply := parsed()) is not False:
            if not pending:
                raise InvalidResponse("a reply to no command")
            first = pending[0]
            first.replies.append(reply)
            if len(first.replies) == first.count:
                pending.popleft()
                first.signal.set()
        if not self._is_open:
            self._close_if_unwanted()

    def _fail(self, error: Exception) -> None:
        self._is_open, self._is_closed = False, True
        self._unsent.clear()
        pending, self._pending = self._pending, deque()
        for each in pending:
            each.error = error
            each.signal.set()
        self._stream.cut()
