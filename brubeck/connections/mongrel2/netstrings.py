"""Netstrings and tagged netstrings, the two encodings in which Mongrel2 talks.

A netstring is ``length:bytes,``. A tagged one ends with the type of its content instead of the
comma. Rules:

- A length is decimal digits, at most nine of them, without a sign; the content's end is where the
  length says, whatever stands in it.
- Tags: ``,`` bytes, ``#`` integer, ``^`` float, ``!`` boolean, ``~`` null, ``]`` list, ``}``
  dictionary, whose keys are bytes. Containers nest at most `MAX_DEPTH` deep.
- Whatever breaks these is a `ProtocolError`, never another exception.

Sources: https://cr.yp.to/proto/netstrings.txt and https://tnetstrings.info.
"""

from __future__ import annotations

import re
from typing import Final

from brubeck.errors import ProtocolError

MAX_DEPTH: Final = 32
_LENGTH: Final = re.compile(rb"([0-9]{1,9}):")
_INTEGER: Final = re.compile(rb"[+-]?[0-9]{1,4000}")

Value = bytes | int | float | bool | None | list["Value"] | dict[bytes, "Value"]
"""The values of a tagged netstring."""


def encode_netstring(content: bytes) -> bytes:
    """Return bytes as a netstring.

    >>> encode_netstring(b'take five')
    b'9:take five,'
    """
    return b"%d:%b," % (len(content), content)


def decode_netstring(data: bytes, start: int = 0) -> tuple[bytes, int]:
    """Return the content of the netstring at a place, and the place after it.

    >>> decode_netstring(b'4:take,4:five,', 7)
    (b'five', 14)
    """
    content, tag, end = _cut(data, start)
    if tag != b",":
        raise ProtocolError("A netstring does not end with a comma.")
    return content, end


def encode_tnetstring(value: Value) -> bytes:
    """Return a value as a tagged netstring; `TypeError` for one that it cannot say.

    >>> encode_tnetstring([b'ctl', {b'cancel': True}])
    b'26:3:ctl,16:6:cancel,4:true!}]'
    """
    content, tag = _content(value)
    return b"%d:%b%b" % (len(content), content, tag)


def _content(value: Value) -> tuple[bytes, bytes]:
    match value:
        case bytes():
            return value, b","
        case bool():
            return (b"true" if value else b"false"), b"!"
        case int():
            return b"%d" % value, b"#"
        case float():
            return repr(value).encode(), b"^"
        case None:
            return b"", b"~"
        case list():
            return b"".join(map(encode_tnetstring, value)), b"]"
        case dict():
            pairs = (encode_tnetstring(k) + encode_tnetstring(v) for k, v in value.items())
            return b"".join(pairs), b"}"
    raise TypeError(f"a tagged netstring cannot say {type(value).__name__}")


def decode_tnetstring(data: bytes, start: int = 0) -> tuple[Value, int]:
    """Return the value of the tagged netstring at a place, and the place after it.

    >>> decode_tnetstring(b'7:1:a,0:~]')
    ([b'a', None], 10)
    """
    content, tag, end = _cut(data, start)
    return _value(content, tag, 0), end


def _cut(data: bytes, start: int) -> tuple[bytes, bytes, int]:
    """Return the content at a place, its tag, and the place after the tag."""
    length = _LENGTH.match(data, start)
    if length is None:
        raise ProtocolError("A netstring does not begin with its length.")
    end = length.end() + int(length[1])
    if end >= len(data):
        raise ProtocolError("A netstring is shorter than its length.")
    return data[length.end() : end], data[end : end + 1], end + 1


def _value(content: bytes, tag: bytes, depth: int) -> Value:
    if tag == b",":
        return content
    if tag in (b"]", b"}"):
        if depth == MAX_DEPTH:
            raise ProtocolError(f"A tagged netstring is nested more than {MAX_DEPTH} deep.")
        items = _items(content, depth + 1)
        return items if tag == b"]" else _dict(items)
    if tag == b"!" and content in (b"true", b"false"):
        return content == b"true"
    if tag == b"~" and not content:
        return None
    if tag == b"#" and _INTEGER.fullmatch(content):
        return int(content)
    if tag == b"^":
        return _float(content)
    raise ProtocolError(f"A tagged netstring has no value of the type {tag!r}: {content[:40]!r}.")


def _items(content: bytes, depth: int) -> list[Value]:
    items, at = [], 0
    while at < len(content):
        inner, tag, at = _cut(content, at)
        items.append(_value(inner, tag, depth))
    return items


def _dict(items: list[Value]) -> dict[bytes, Value]:
    if len(items) % 2:
        raise ProtocolError("A dictionary has a key without a value.")
    pairs: dict[bytes, Value] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key, bytes):
            raise ProtocolError("A dictionary has a key that is not a string.")
        pairs[key] = value
    return pairs


def _float(content: bytes) -> float:
    try:
        return float(content)
    except ValueError:
        raise ProtocolError(f"Not a number: {content[:40]!r}.") from None
