"""Values as bytes that sort as the values do, and items as one text each.

A script in Redis knows numbers as doubles only, and compares texts by the locale. So it is given
bytes: equal values have equal ones, and lesser values lesser ones, for 64-bit integers and
doubles alike.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from brubeck.storage.indexing import IndexSet
from brubeck.storage.records import (
    Delete,
    FieldCondition,
    Head,
    Put,
    Record,
    Scalar,
    Tombstone,
    Write,
)
from brubeck.storage.schema import Values

pack: Final = msgspec.msgpack.Encoder().encode

_BITS: Final = struct.Struct(">d")
_INTEGER: Final = struct.Struct(">Q")
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1


def sortable(value: Scalar) -> str:
    """Return a text that sorts by its bytes as values do: numbers among numbers, texts among texts.

    >>> sortable(2) < sortable(2.5) < sortable(3) < sortable(2**62) < sortable(2**62 + 1)
    True
    >>> sortable(-1) < sortable(-0.5) < sortable(-0.0) == sortable(0)
    True
    """
    if type(value) is float:  # of most numbers, and the quickest way
        (bits,) = _INTEGER.unpack(_BITS.pack(value + 0.0))
        return f"n{bits ^ (_ALL if bits & _SIGN else _SIGN):016x}800"
    if isinstance(value, str):
        return f"s{value}"
    near = value + 0.0  # the nearest double; what an integer is away from it breaks the tie
    (bits,) = _INTEGER.unpack(_BITS.pack(near))
    ordered = bits ^ (_ALL if bits & _SIGN else _SIGN)
    away = value - int(near) if isinstance(value, int) else 0
    return f"n{ordered:016x}{away + 0x800:03x}"


def known_values(values: Mapping[str, Values]) -> dict[str, list[str]]:
    """Return the values of a record's known fields for a script."""
    return {name: list(map(sortable, found)) for name, found in values.items()}


def packed_conditions(where: Iterable[FieldCondition]) -> bytes:
    """Return conditions for a script."""
    return pack(
        [(each.name, each.operator, [sortable(value) for value in each.values]) for each in where]
    )


def read_item(item_id: bytes, item: bytes) -> Record | Tombstone:
    """Return the entry in an item's text, which is only a position once it is deleted."""
    if b" " not in item:
        return Tombstone(item_id.decode(), int(item))
    return read_live(item_id, item)


def read_live(item_id: bytes, item: bytes) -> Record:
    """Return the record of an item that is live: ``position created_at version body``.

    Raises `ValueError` for a tombstone. An item that was written before versions were counted has
    none: its body follows, which begins with a brace.
    """
    try:
        position, created_at, version, body = item.split(b" ", 3)
        count = 1 if version == b"1" else int(version)
        return Record(item_id.decode(), int(created_at), int(position), body, count)
    except ValueError:
        position, created_at, body = item.split(b" ", 2)
        return Record(item_id.decode(), int(created_at), int(position), body)


WORK: Final = 2500
"""How much work one script is sent: about microseconds, as the scripts count them."""


def work_of(body: bytes, values: Mapping[str, Values]) -> int:
    """Return about how much work it is to write an item."""
    return 10 + len(body) // 200 + 4 * sum(map(len, values.values()))


def script_writes(writes: Iterable[Write], indexes: IndexSet) -> list[str | bytes]:
    """Return the first writes as the script takes them: as many as are `WORK` together, or one."""
    found: list[str | bytes] = []
    equality = indexes.equality
    work = 0
    for write in writes:
        values = {} if isinstance(write, Delete) else indexes.schema.extract(write.body)
        work += 10 if isinstance(write, Delete) else work_of(write.body, values)
        if found and work > WORK:
            break
        expected = "" if write.expected is None else f" {write.expected}"
        if isinstance(write, Delete):
            found += (f"delete{expected}", write.id, write.token, "", "", "", "")
        else:
            viewers = indexes.schema.viewers(values)
            parts = _parts(write, known_values(values), viewers, equality)
            found += (f"put{expected}", write.id, write.token, *parts)
    return found


def _parts(
    put: Put, known: Mapping[str, list[str]], viewers: Collection[str], equality: Collection[str]
) -> tuple[str, bytes, bytes, bytes]:
    """Return the parts of an item: the script puts them together, or takes them as they are.

    These are its time, the text of a new item behind its position, the past of one behind its
    tokens, and the values that have an order.
    """
    orders = {name: known[name] for name in equality}
    return (
        f"{put.created_at}",
        b" %d 1 %b" % (put.created_at, put.body),
        b"\xa1v%b\xa1f\x80\xa1s%b" % (pack(known), pack(sorted(viewers)) if viewers else b"\x90"),
        pack(orders) if orders else b"",
    )


class _Seen(msgspec.Struct):
    """The viewers in an item's past: those that may see it, or could when it was deleted."""

    s: list[str] = []


_seen: Final = msgspec.msgpack.Decoder(_Seen).decode


def could_see(past: bytes | None) -> list[str]:
    """Return the viewers of an item when it was deleted; empty where they are not known."""
    return [] if past is None else _seen(past).s


def read_head(answer: list[Any]) -> tuple[Head, int]:
    """Return the head, and the version of the set of indexes, from a script's answer."""
    position, era, horizon, floor, version = answer[:5]
    return Head(int(position), era.decode(), int(horizon), int(floor)), int(version)
