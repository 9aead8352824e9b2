"""A JSON text (RFC 8259) cut into its values, each as it is written, with a bounded buffer.

Values end where their brackets and quotes say. What is between these is not checked: each value is
decoded by its reader, which reports its faults, and the values behind it are not lost. No library
does this: incremental readers of JSON give decoded values, without the digits of their numbers, and
hold a text of any length.
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 16
"""The bytes of a read, at the least."""
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_SCALAR: Final = re.compile(rb'[^ \t\r\n,:"\[\]{}]*+')
_PLAIN: Final = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""The whole texts of a JSON text, and all between them, up to a bracket or an open text."""
_TEXT_REST: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_OPENING: Final = frozenset(b"[{")


class EndOfFile(Exception):
    """The end of a file within a value."""


class JsonScanner:
    """The values and signs of a file, one after another."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._buffer = b""
        self._at = 0
        while len(self._buffer) < len(_BYTE_ORDER_MARK) and self._fill(0):
            pass
        self._at = len(_BYTE_ORDER_MARK) if self._buffer.startswith(_BYTE_ORDER_MARK) else 0

    def peek(self) -> bytes:
        """Return the next byte that is no white space; none at the end of the file."""
        while True:
            self._at = self._end_of(_SPACE, self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._fill(self._at):
                return b""

    def take(self, sign: bytes) -> bool:
        """Return whether the next byte is a sign, and go behind it then."""
        if self.peek() != sign:
            return False
        self._at += 1
        return True

    def value(self, most: int) -> bytes | None:
        """Return the next value; None for one longer than ``most`` bytes, which is passed over.

        It is empty where a sign stands in its place. Raises `EndOfFile`.
        """
        first = self.peek()
        if not first:
            raise EndOfFile
        if first == b'"' or first[0] in _OPENING:
            return self._closed(most)
        return self._scalar(most)

    def _scalar(self, most: int) -> bytes | None:
        """Return a number or a word, which another sign or a space ends."""
        end, is_long = self._end_of(_SCALAR, self._at), False
        while end == len(self._buffer):
            is_long = is_long or end - self._at > most
            end = self._end_of(_SCALAR, self._read_on(end, is_long=is_long))
        return self._cut(end, most, is_long=is_long)

    def _closed(self, most: int) -> bytes | None:
        """Return a text, an object or a list."""
        in_text = self._buffer[self._at] == _QUOTE
        end, depth, is_long = self._at + 1, 0 if in_text else 1, False
        while depth or in_text:
            end = self._end_of(_TEXT_REST if in_text else _PLAIN, end)
            sign = self._buffer[end] if end < len(self._buffer) else _BACKSLASH
            if sign == _BACKSLASH:  # never one outside texts, which the pattern passes over
                is_long = is_long or end - self._at > most
                end = self._read_on(end, is_long=is_long)
                continue
            end += 1
            if sign == _QUOTE:
                in_text = not in_text
            else:
                depth += 1 if sign in _OPENING else -1
        return self._cut(end, most, is_long=is_long)

    def _end_of(self, pattern: re.Pattern[bytes], start: int) -> int:
        """Return the end of a pattern that matches anything, if only nothing."""
        found = pattern.match(self._buffer, start)
        return start if found is None else found.end()

    def _cut(self, end: int, most: int, *, is_long: bool) -> bytes | None:
        """Go behind a value, and return it; None for a long one."""
        start, self._at = self._at, end
        return None if is_long or end - start > most else self._buffer[start:end]

    def _read_on(self, end: int, *, is_long: bool) -> int:
        """Read more of a value, of which a long one is forgotten; return the new ``end``."""
        start = end if is_long else self._at
        if not self._fill(start):
            raise EndOfFile
        return end - start

    def _fill(self, start: int) -> bool:
        """Read more behind the buffer from ``start``; return whether there was more."""
        rest = self._buffer[start:]
        more = self._file.read(max(_CHUNK, len(rest)))
        self._buffer, self._at = rest + more, 0
        return bool(more)
