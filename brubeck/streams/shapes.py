"""Shapes of an item: the whole stored JSON, or only the fields that were asked for or may be seen.

The whole is never decoded: a stored item goes into an answer as the bytes it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from brubeck.dictshield.document import Document

Shape: TypeAlias = Callable[[bytes], bytes]

_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
)


def shape(fields: Iterable[str] | None, hidden: frozenset[str]) -> Shape:
    """Return what turns a stored body into what this caller is shown.

    ``fields`` are the only ones wanted, the id always among them, or None for all; ``hidden`` are
    never shown. Members keep their order and their bytes.

    >>> shape(['b'], frozenset())(b'{"id":"x","a":1,"b":2}')
    b'{"id":"x","b":2}'
    """
    if fields is None and not hidden:
        return whole
    wanted = None if fields is None else {"id", *fields}

    def cut(body: bytes) -> bytes:
        members: dict[str, Any] = _members.decode(body)
        return msgspec.json.encode(
            {
                name: value
                for name, value in members.items()
                if name not in hidden and (wanted is None or name in wanted)
            }
        )

    return cut


def columns(
    fields: Sequence[str] | None, known: Iterable[str], hidden: frozenset[str]
) -> list[str]:
    """Return the names of an item's members for where each has a column of its own.

    They stand as they were asked for, the id always among them, or else as the model has them.

    >>> columns(['b'], ['id', 'a', 'b'], frozenset())
    ['id', 'b']
    """
    if fields is None:
        return [name for name in known if name not in hidden]
    return list(fields) if "id" in fields else ["id", *fields]


def hidden_fields(model: type[Document], kept: Iterable[str]) -> frozenset[str]:
    """Return the fields of a model that are for its owner or nobody (DictShield's permissions).

    Those that are ``kept`` are never among them.
    """
    public = model._public_fields  # noqa: SLF001, the names are DictShield's interface
    hidden = {*(model._private_fields or ()), *(model._internal_fields or ())}  # noqa: SLF001
    if public:
        hidden |= set(model._fields) - set(public)
    return frozenset(hidden & set(model._fields) - set(kept))


def whole(body: bytes) -> bytes:
    """Return a body as it is."""
    return body


def json_list(items: Iterable[bytes]) -> bytes:
    """Return a JSON list of values that are JSON already."""
    return b"[%b]" % b",".join(items)
