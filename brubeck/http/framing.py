"""The framing of a response: the headers and the coding by which the other end knows where it ends.

Every connection that writes HTTP/1 itself writes it through here, so that the same response is the
same bytes over each of them. Rules (RFC 9112, sections 6 and 9; RFC 9110, sections 6.6, 8.6,
10.2):

- ``Content-Length``, ``Transfer-Encoding`` and ``Connection`` belong to the connection. Those of an
  application count only as a wish: ``Connection: close`` is kept, and so is the
  ``Content-Length`` of a stream, which is then held to it.
- A whole body has its length. A stream without a length goes in chunks to HTTP/1.1, and ends with
  the connection to HTTP/1.0.
- The answer to HEAD has the headers of GET's, length included, and has no body; nor have 204 and
  304, and these have no length either.
- ``Date`` and ``Server`` are added where the application has not set them.
"""

from __future__ import annotations

import time
from copy import copy
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from brubeck.errors import ProtocolError
from brubeck.http.headers import Headers, list_values
from brubeck.http.response import Response, StreamingResponse, response_head
from brubeck.timekeeping import http_date

SERVER: Final = "Brubeck"
LAST_CHUNK: Final = b"0\r\n\r\n"

_HOP: Final = frozenset(("connection", "content-length", "transfer-encoding"))
_SPECIAL: Final = _HOP | {"date", "server"}
_CLOSE: Final = ("Connection", "close")
_KEEP: Final = ("Connection", "keep-alive")
_Extra = list[tuple[str, str]]


class BodyCoder(Protocol):
    """Encodes the data of a stream as it is sent on the connection."""

    @property
    def header(self) -> tuple[str, str] | None:
        """The header that announces this coding; none where the body ends with the connection."""

    def data(self, data: bytes) -> bytes:
        """Return some of the body, never empty, as it is sent."""

    def end(self) -> bytes:
        """Return the bytes that follow the last of the data."""


class Chunked:
    """A stream in chunks (RFC 9112, section 7.1), each as large as the data it is given."""

    header = ("Transfer-Encoding", "chunked")

    def data(self, data: bytes) -> bytes:
        """Return the data as one chunk."""
        return b"%x\r\n%b\r\n" % (len(data), data)

    def end(self) -> bytes:
        """Return the last chunk, which is empty."""
        return LAST_CHUNK


class UntilClose:
    """A stream as it is; the end of the connection is its end."""

    header = None

    def data(self, data: bytes) -> bytes:
        """Return the data."""
        return data

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class Measured:
    """A stream with an announced length in bytes, which it is held to.

    `ProtocolError` for one that is longer or shorter: its connection has to be cut.
    """

    def __init__(self, length: int) -> None:
        self.header = ("Content-Length", str(length))
        self._left = length

    def data(self, data: bytes) -> bytes:
        """Return the data, as long as there is no more of it than announced."""
        self._left -= len(data)
        if self._left < 0:
            raise ProtocolError(f"A stream went {-self._left} bytes past its Content-Length.")
        return data

    def end(self) -> bytes:
        """Return nothing, once everything announced was sent."""
        if self._left:
            raise ProtocolError(f"A stream ended {self._left} bytes before its Content-Length.")
        return b""


class Framed(NamedTuple):
    """A response, ready for the wire.

    ``head`` is the status line, the headers and the blank line; ``body`` a whole body, empty where
    there is none. ``coder`` codes the chunks of a stream; where it is None a `StreamingResponse`
    is closed unread. ``keep_alive`` says whether the connection stays open afterwards.
    """

    head: bytes
    body: bytes
    coder: BodyCoder | None
    keep_alive: bool


def frame(
    response: Response,
    *,
    method: str,
    version: str,
    keep_alive: bool,
    second: int | None = None,
) -> Framed:
    """Return the framed response to a request of this method and version (``1.1``).

    ``keep_alive`` says whether both ends would keep the connection; the answer may have to end it
    all the same. ``second`` is the moment for ``Date`` in seconds since the epoch, if not now.
    """
    headers = response.headers
    now = int(time.time()) if second is None else second
    if (
        type(response) is Response
        and keep_alive
        and version == "1.1"
        and method != "HEAD"
        and headers.lacks(_SPECIAL)
        and not response.bodiless
    ):
        # Nearly every response is like this: nothing to decide, one string to make.
        body = response.body
        head = (
            f"HTTP/1.1 {response.status} {response.reason}\r\n{headers.text()}"
            f"Content-Length: {len(body)}\r\n{_origin(now)}\r\n"
        )
        return Framed(head.encode("latin-1"), body, None, True)

    declared = None
    if not headers.lacks(_HOP):
        keep_alive = keep_alive and "close" not in _members(headers.get("connection", ""))
        declared = headers.get("content-length")
        response = _without_hop_headers(response)
        headers = response.headers

    extra: _Extra = []
    body, coder = response.body, None
    if response.bodiless:
        body = b""
    elif isinstance(response, StreamingResponse):
        coder = _coder(declared, version)
        if coder.header is not None:
            extra.append(coder.header)
        elif method != "HEAD":
            keep_alive = False
    else:
        extra.append(("Content-Length", str(len(body))))
    if method == "HEAD":
        body, coder = b"", None

    if not keep_alive:
        extra.append(_CLOSE)
    elif version == "1.0":
        extra.append(_KEEP)
    _add_origin(extra, headers, now)
    return Framed(response_head(response, extra), body, coder, keep_alive)


def keeps_alive(version: str, connection: str) -> bool:
    """Return whether a request wants its connection kept (RFC 9112, section 9.3).

    >>> keeps_alive('1.1', ''), keeps_alive('1.1', 'Close'), keeps_alive('1.0', '')
    (True, False, False)
    """
    options = _members(connection)
    if "close" in options:
        return False
    return version == "1.1" or "keep-alive" in options


def _members(value: str) -> list[str]:
    return list_values(value.lower()) if value else []


def _coder(declared: str | None, version: str) -> BodyCoder:
    if declared is not None and declared.isascii() and declared.isdigit():
        return Measured(int(declared))
    return Chunked() if version == "1.1" else UntilClose()


def _without_hop_headers(response: Response) -> Response:
    """Return a copy without framing headers; the caller's response stays as it was."""
    bare = copy(response)
    pairs = response.headers.pairs()
    bare.headers = Headers((name, value) for name, value in pairs if name.lower() not in _HOP)
    return bare


def _add_origin(extra: _Extra, headers: Headers, second: int) -> None:
    if "date" not in headers:
        extra.append(("Date", http_date(second * 1000)))
    if "server" not in headers:
        extra.append(("Server", SERVER))


@lru_cache(maxsize=2)
def _origin(second: int) -> str:
    # Made once a second, however many responses bear it.
    return f"Date: {http_date(second * 1000)}\r\nServer: {SERVER}\r\n"
