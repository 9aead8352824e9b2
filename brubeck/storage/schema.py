"""What a storage knows of its records' shape: the names, kinds and indexes of their fields."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, TypeAlias

import msgspec

from brubeck.storage.records import Scalar
from brubeck.timekeeping import rfc3339_to_millis

Kind: TypeAlias = Literal[
    "string",
    "integer",
    "number",
    "boolean",
    "datetime",
    "milliseconds",
    "list",
    "object",
    "any",
]
Values: TypeAlias = tuple[Scalar, ...]


class FieldInfo(msgspec.Struct, frozen=True):
    """One field: its kind, its members' kind if it is a list, and whether it can be filtered by."""

    kind: Kind
    indexed: bool = False
    item_kind: Kind | None = None


class Schema(msgspec.Struct, frozen=True, dict=True):
    """The fields of a stream's records by name.

    >>> schema = Schema({'place': FieldInfo('string'), 'network': FieldInfo('string', True)})
    >>> schema.extract(b'{"place":"Here","network":"ci"}')
    {'network': ('ci',)}
    """

    fields: dict[str, FieldInfo] = {}

    @property
    def indexed(self) -> list[str]:
        """The names of the fields that can be filtered by."""
        return [name for name, info in self.fields.items() if info.indexed]

    def extract(self, body: bytes) -> dict[str, Values]:
        """Return the values of a body's indexed fields, in one pass; nothing is an empty tuple."""
        if not self.indexed:
            return {}
        found = self._decoder.decode(body)
        return {name: self._values(name, getattr(found, name)) for name in self.indexed}

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        # A struct of the indexed fields alone: the decoder passes over everything else.
        fields = [(name, Any, None) for name in self.indexed]
        return msgspec.json.Decoder(msgspec.defstruct("Indexed", fields))

    def _values(self, name: str, value: Any) -> Values:
        if value is None:
            return ()
        info = self.fields[name]
        if isinstance(value, list):
            kind = info.item_kind or "any"
            return tuple(_comparable(each, kind) for each in value if _is_scalar(each))
        return (_comparable(value, info.kind),) if _is_scalar(value) else ()


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _comparable(value: Scalar, kind: Kind) -> Scalar:
    # Dates of one moment may be written in more ways than one; milliseconds cannot.
    return rfc3339_to_millis(value) if kind == "datetime" and isinstance(value, str) else value
