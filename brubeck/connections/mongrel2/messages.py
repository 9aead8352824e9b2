r"""Messages to and from Mongrel2, as pure functions of bytes.

What Mongrel2 1.12 sends is ``sender id path headers body``: headers as a netstring of JSON or as a
tagged netstring, the body as a netstring. What it takes is ``sender length:ids, payload``. Rules:

- Names in upper case (``METHOD``, ``URI``, …) are Mongrel2's own words; a client's header names
  come in lower case, so a client cannot forge the former. Repeated headers are lists.
- JSON headers are bytes of any kind between quotes: Mongrel2 escapes ``"`` and ``\`` and nothing
  else. So they are read as Latin-1, tabs and all.
- A message without ``PATH`` is a notice of Mongrel2 itself: somebody left, or credits for bytes
  that reached a client.
- ``X`` before the ids makes the payload a tagged netstring, ``["ctl", {…}]``, for Mongrel2 itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from brubeck.connections.mongrel2.netstrings import (
    decode_netstring,
    decode_tnetstring,
    encode_netstring,
    encode_tnetstring,
)
from brubeck.errors import ProtocolError

MAX_TARGETS: Final = 128
"""How many connections Mongrel2 takes in one message (its ``limits.handler_targets``)."""

NOBODY: Final = b"0"
"""A connection id that is never given, so that Mongrel2 answers with a notice for it."""

Pairs = list[tuple[bytes, bytes]]

_START: Final = re.compile(rb"([A-Za-z0-9-]{1,128}) ([0-9]{1,10}|-1) (\S*) ")
_KEEP_ALIVE: Final = encode_tnetstring([b"ctl", {b"keep-alive": True}])
_FORBIDDEN: Final = re.compile(rb"[\r\n\0]")


class Message(msgspec.Struct, frozen=True):
    """One message of Mongrel2.

    ``sender`` and ``conn_id`` name the client's connection and are what a reply needs;
    ``words`` are Mongrel2's own, ``headers`` the client's, in no order of their own.
    """

    sender: bytes
    conn_id: bytes
    words: dict[str, str]
    headers: Pairs
    body: bytes

    @property
    def is_notice(self) -> bool:
        """Whether the message is a notice of Mongrel2 about a connection."""
        return "PATH" not in self.words

    @property
    def credits(self) -> int | None:
        """The number of bytes that have reached the client; None in a notice of leaving."""
        said = self.words.get("DOWNLOAD_CREDITS", "")
        return int(said) if said.isascii() and said.isdigit() else None

    def get_all(self, name: bytes) -> list[bytes]:
        """Return every value of a header; its name is given in lower case."""
        return [value for key, value in self.headers if key == name]


def parse_message(data: bytes) -> Message:
    """Return the message that Mongrel2 sent; `ProtocolError` for one that it cannot have sent."""
    start = _START.match(data)
    if start is None:
        raise ProtocolError("A message does not begin with a sender, an id and a path.")
    fields, end = _fields(data, start.end())
    body, end = decode_netstring(data, end)
    if end != len(data):
        raise ProtocolError("A message goes on after its body.")
    words, headers = _sorted_out(fields)
    if "METHOD" not in words:
        raise ProtocolError("A message has no METHOD.")
    return Message(start[1], start[2], words, headers, body)


def _fields(data: bytes, start: int) -> tuple[Iterator[tuple[bytes, bytes]], int]:
    """Return the pairs of the headers, in either encoding, and the place after them."""
    try:
        block, end = decode_netstring(data, start)
    except ProtocolError:
        value, end = decode_tnetstring(data, start)
        if not isinstance(value, dict):
            raise ProtocolError("The headers are not a dictionary.") from None
        return _pairs(value), end
    try:
        fields = json.loads(block.decode("latin-1"), strict=False)
    except (ValueError, RecursionError) as reason:
        raise ProtocolError(f"The headers are not JSON: {reason}.") from reason
    if not isinstance(fields, dict):
        raise ProtocolError("The headers are not an object.")
    return _pairs(fields), end


def _pairs(fields: Mapping[bytes, object] | Mapping[str, object]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in fields.items():
        key = _latin(name)
        for each in value if isinstance(value, list) else (value,):
            yield key, _latin(each)


def _latin(text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise ProtocolError("A header is not a string.")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise ProtocolError("A header holds characters outside Latin-1.") from None


def _sorted_out(fields: Iterator[tuple[bytes, bytes]]) -> tuple[dict[str, str], Pairs]:
    """Return Mongrel2's own words and the client's headers."""
    words: dict[str, str] = {}
    headers: Pairs = []
    for name, value in fields:
        if _FORBIDDEN.search(value) or _FORBIDDEN.search(name):
            raise ProtocolError("A header holds CR, LF or NUL.")
        if name == name.lower():
            headers.append((name, value))
        else:
            words[name.decode("latin-1")] = value.decode("latin-1")
    return words, headers


def encode_reply(sender: bytes, ids: Sequence[bytes], payload: bytes) -> bytes:
    """Return a message of bytes for these connections, at most `MAX_TARGETS` of them.

    An empty payload ends the connections, after what was sent to them before.

    >>> encode_reply(b'front', [b'3', b'14'], b'five')
    b'front 4:3 14, five'
    """
    return b"%b %b %b" % (sender, encode_netstring(b" ".join(ids)), payload)


def encode_keep_alive(sender: bytes, ids: Sequence[bytes]) -> bytes:
    """Return a message that Mongrel2 takes for a sign of life of each of these connections.

    For one that is gone it brings a notice.
    """
    return encode_reply(sender, [b"X", *ids], _KEEP_ALIVE)
