"""Columns of a stream's table: those that say most come first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from brubeck.explorer.cells import Cell
from brubeck.streams.documents import SharedDocument
from brubeck.streams.spec import StreamSpec

_LAST: Final = ("id", "created_at", "updated_at")
_OF_OWNERS: Final = tuple(name for name in SharedDocument._fields if name not in _LAST)


def known_columns(spec: StreamSpec) -> list[str]:
    """Return the names of the visible fields, as a person wants them.

    The model's own come first in its order, then the owner, the id and the times.
    """
    last = [*(_OF_OWNERS if spec.set_by_server else ()), *_LAST]
    known = [name for name in spec.model._fields if name not in spec.hidden]
    own = [name for name in known if name not in last]
    return [*own, *(name for name in last if name in known)]


def requested_columns(spec: StreamSpec, fields: Sequence[str] | None) -> list[str]:
    """Return the columns of a page: the requested ones in their order and the id, or all."""
    if fields is None:
        return known_columns(spec)
    return list(fields) if "id" in fields else [*fields, "id"]


def telling_first(names: Iterable[str], rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    """Return the columns with those that read the same in all rows behind those that do not.

    The id and the times stay before them.
    """
    names = list(names)
    if len(rows) < 2:
        return names
    alike = {name for name in names if len({row[name].text for row in rows}) == 1} - {*_LAST}
    return [name for name in names if name not in alike] + [name for name in names if name in alike]
