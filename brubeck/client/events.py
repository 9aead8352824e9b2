"""Server-sent events, read piece by piece (the HTML standard, section 9.2.6).

Rules:

- A line ends with CR, LF or CRLF, wherever the pieces are cut; a byte order mark comes first or not
  at all.
- A blank line completes an event. One without data is none, and one that the end of the connection
  cuts is dropped.
- The last id stays for later events without one; an id with NUL is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from brubeck.errors import ProtocolError

MAX_EVENT_BYTES: Final = 64 << 20
"""The size past which a text is no event of a stream: an item has at most a mebibyte."""
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its type, its data, and the last id when it was complete."""

    type: str
    data: str
    id: str = ""


class EventParser:
    r"""Reads events from pieces of bytes of any size.

    >>> parser = EventParser()
    >>> list(parser.feed(b'event: put'))
    []
    >>> list(parser.feed(b'\nid: 7~a\ndata: {}\n\n'))
    [Event(type='put', data='{}', id='7~a')]
    """

    def __init__(self) -> None:
        self.retry_ms: int | None = None
        """The time after which the server wants a reader back, in milliseconds."""
        self._line: list[bytes] = []
        self._size = 0
        self._at_start = True
        self._after_cr = False
        self._type = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that a piece completes; `ProtocolError` when one has no end."""
        for line in self._lines(piece):
            if line:
                self._take(line)
            elif (event := self._completed()) is not None:
                yield event
        if self._size > MAX_EVENT_BYTES:
            raise ProtocolError(f"an event is longer than {MAX_EVENT_BYTES} bytes")

    def _lines(self, piece: bytes) -> Iterator[bytes]:
        """Yield each line that a piece completes, without its end."""
        if self._after_cr and piece:
            self._after_cr = False
            piece = piece[1:] if piece[:1] == b"\n" else piece
        *whole, rest = _split(piece)
        self._after_cr = piece[-1:] == b"\r"
        for end in whole:
            self._size += len(end)
            yield self._joined(end)
        if rest:
            self._line.append(rest)
            self._size += len(rest)

    def _joined(self, end: bytes) -> bytes:
        line = b"".join([*self._line, end])
        self._line.clear()
        if self._at_start:
            self._at_start = False
            return line.removeprefix(_BOM)
        return line

    def _take(self, line: bytes) -> None:
        """Take a field; a comment, or one with an unknown name, is ignored."""
        name, _, value = line.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value[:12])

    def _completed(self) -> Event | None:
        """Return the event that a blank line completes, if it has data."""
        kind, data = self._type or "message", self._data
        self._type, self._data, self._size = "", [], 0
        return Event(kind, "\n".join(data), self._id) if data else None


def _split(piece: bytes) -> list[bytes]:
    """Return the lines of a piece and what comes after the last line's end."""
    return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
