"""`Sender`: requests to receivers, each of which ends in time and reads little.

The standard library's client does what is needed here and no more: no redirects, no proxies, no
cookies, and a connection to the address that was checked.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from time import monotonic
from typing import Any, Final, cast

import msgspec

from brubeck import green
from brubeck.timekeeping import http_date_to_millis
from brubeck.webhooks.addresses import Refused, Target, parse_url, resolve

MAX_BODY: Final = 4096
"""The number of bytes of an answer's body that are read; then the connection is closed."""
MAX_ANSWER: Final = 262_144
"""The number of bytes of an answer with its headers that are read from a connection."""
SHOWN: Final = 500
"""The number of characters of an answer's body that are shown to the owner."""
_PIECE: Final = 65_536


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an attempt: an answer, or the reason why there is none."""

    status: int | None = None
    text: str = ""
    """The beginning of the body."""
    error: str = ""
    retry_after: str = ""
    """The value of ``Retry-After``."""

    @property
    def is_success(self) -> bool:
        """Whether the receiver has the message."""
        return self.status is not None and 200 <= self.status < 300

    def retry_seconds(self, now_millis: int) -> float:
        """Return how many seconds the receiver asks to be left alone; 0 without such a wish."""
        if self.status not in (429, 503) or not self.retry_after:
            return 0.0
        if self.retry_after.isascii() and self.retry_after.isdigit():
            return float(self.retry_after[:9])
        try:
            return max(0.0, (http_date_to_millis(self.retry_after) - now_millis) / 1000)
        except ValueError:
            return 0.0


class Sender:
    """A connection to one receiver, used again while it lasts."""

    def __init__(self, url: str, *, timeout: float, allow_private: bool) -> None:
        self._url, self._timeout, self._allow_private = url, timeout, allow_private
        self._connection: _Connection | None = None

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a message and return the receiver's answer; failures are answers, too."""
        until = monotonic() + self._timeout
        try:
            target = parse_url(self._url, allow_private=self._allow_private)
            # On green threads, each byte of TLS has the time of a whole call.
            with green.timeout(self._timeout):
                if self._connection is not None:
                    try:
                        return self._attempt(target, headers, body, until)
                    except ConnectionError:
                        self.close()  # an idle connection was closed; the id shows a repetition
                return self._attempt(target, headers, body, until)
        except Refused as reason:
            error = str(reason)
        except TimeoutError:
            error = f"There was no answer within {self._timeout:g} s."
        except (OSError, http.client.HTTPException, ValueError) as reason:
            error = f"{type(reason).__name__}: {reason}"
        self.close()
        return Answer(error=_printable(error)[:SHOWN])

    def _attempt(
        self, target: Target, headers: Mapping[str, str], body: bytes, until: float
    ) -> Answer:
        if self._connection is None:
            self._connection = _Connection(target, allow_private=self._allow_private)
        connection = self._connection
        connection.until = until
        connection.request("POST", target.path, body, dict(headers))
        response = connection.getresponse()
        read = response.read(MAX_BODY)
        text = _printable(read.decode("utf-8", "replace"))[:SHOWN]
        if not response.isclosed() or response.will_close:
            self.close()
        error = "" if 200 <= response.status < 300 else f"The receiver answered {response.status}."
        retry_after = (response.getheader("Retry-After") or "").strip()
        return Answer(status=response.status, text=text, error=error, retry_after=retry_after)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.end()


class _Connection(http.client.HTTPConnection):
    """A connection to the checked address of a target; all that it does ends at ``until``."""

    until: float = 0.0
    sock: Any

    def __init__(self, target: Target, *, allow_private: bool) -> None:
        super().__init__(target.host, target.port)
        self._target, self._allow_private = target, allow_private
        self._made: socket.socket | None = None
        if target.port == {"https": 443, "http": 80}[target.scheme]:
            self.default_port = target.port  # for the header Host

    def connect(self) -> None:
        """Connect to the first of the checked addresses that answers."""
        addresses = resolve(self._target, allow_private=self._allow_private)
        for left, (family, address) in zip(range(len(addresses))[::-1], addresses, strict=True):
            try:
                self._made = self._connected(family, address, parts=left + 1)
            except OSError:
                if not left:
                    raise
            else:
                break
        self.sock = _TimedSocket(cast("socket.socket", self._made), self)

    def _connected(self, family: int, address: str, parts: int) -> socket.socket:
        """Return a socket that is connected within its part of the time that is left."""
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(self.remaining() / parts)
            made.connect((address, self._target.port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._target.scheme == "https":
                made.settimeout(self.remaining())
                return _tls().wrap_socket(made, server_hostname=self._target.host)
        except BaseException:
            made.close()
            raise
        return made

    def end(self) -> None:
        """Close the connection; what `http.client` closes may still be read."""
        self.close()
        if self._made is not None:
            self._made.close()

    def remaining(self) -> float:
        """Return the seconds that are left; `TimeoutError` after the end."""
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _TimedSocket:
    """A socket as `http.client` uses it, with one end for all calls together."""

    def __init__(self, made: socket.socket, connection: _Connection) -> None:
        self._socket, self._connection = made, connection

    def sendall(self, data: bytes) -> None:
        for at in range(0, len(data), _PIECE):
            self._socket.settimeout(self._connection.remaining())
            self._socket.sendall(data[at : at + _PIECE])

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._socket, self._connection))

    def close(self) -> None:
        """Stay open for the answer's body; `_Connection.end` closes."""


class _TimedReader(io.RawIOBase):
    """The bytes of one answer."""

    def __init__(self, made: socket.socket, connection: _Connection) -> None:
        self._socket, self._connection, self._left = made, connection, MAX_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise http.client.HTTPException("the answer is too long")
        green.take_turn()  # what is there already is read without a wait
        self._socket.settimeout(self._connection.remaining())
        count = self._socket.recv_into(buffer)
        self._left -= count
        return count


def _printable(text: str) -> str:
    """Return a text of a receiver without control characters, to be stored and shown."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text).strip()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
