"""Projection: an item's whole stored JSON, or only the requested and visible fields.

The whole is never decoded: a stored item goes into an answer as the bytes it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

Projection: TypeAlias = Callable[[bytes], bytes]

_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
)


def projection(fields: Iterable[str] | None, hidden: frozenset[str]) -> Projection:
    """Return the function that reduces a stored body to the fields that this caller sees.

    ``fields`` are the only ones wanted, the id always among them, or None for all; ``hidden`` are
    never shown. Members keep their order and their bytes.

    >>> projection(['b'], frozenset())(b'{"id":"x","a":1,"b":2}')
    b'{"id":"x","b":2}'
    """
    if fields is None and not hidden:
        return whole
    wanted = None if fields is None else {"id", *fields}

    def project(body: bytes) -> bytes:
        members: dict[str, Any] = _members.decode(body)
        return msgspec.json.encode(
            {
                name: value
                for name, value in members.items()
                if name not in hidden and (wanted is None or name in wanted)
            }
        )

    return project


def columns(
    fields: Sequence[str] | None, known: Iterable[str], hidden: frozenset[str]
) -> list[str]:
    """Return the names of an item's members for a table with a column for each.

    They are in the requested order, with the id always among them, or else in the model's.

    >>> columns(['b'], ['id', 'a', 'b'], frozenset())
    ['id', 'b']
    """
    if fields is None:
        return [name for name in known if name not in hidden]
    return list(fields) if "id" in fields else ["id", *fields]


def members(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the members of a JSON object, each as the JSON it is."""
    return _members.decode(body)


def whole(body: bytes) -> bytes:
    """Return a body as it is."""
    return body


def json_list(items: Iterable[bytes]) -> bytes:
    """Return a JSON list of values that are JSON already."""
    return b"[%b]" % b",".join(items)


def json_bytes(value: object) -> bytes:
    """Return a value as JSON."""
    return msgspec.json.encode(value)
