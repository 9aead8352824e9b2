"""The set of indexes of a stream, which lives in the storage beside the records.

Every write obeys the stored set, whoever declared it. So an old and a new version of a program can
run side by side: the new one adds what it needs, and the old one keeps that up with its next write,
though it never heard of it. A filter is refused until its index is complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec

from brubeck.storage.errors import Unavailable
from brubeck.storage.records import Condition
from brubeck.storage.schema import FieldInfo, Schema


class IndexSet(msgspec.Struct, frozen=True, dict=True, omit_defaults=True):
    """The indexed fields of a stream, and which of them are still being built.

    The version goes up with each change, so that a writer sees that its own is out of date.
    """

    version: int = 0
    fields: dict[str, FieldInfo] = {}
    building: tuple[str, ...] = ()
    sight: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> Schema:
        """The indexed fields as a schema, to extract their values by."""
        return Schema(self.fields, self.sight)

    @cached_property
    def equality(self) -> frozenset[str]:
        """The fields whose every value has an order of the timeline."""
        return frozenset(name for name, info in self.fields.items() if info.equality)

    def including(self, schema: Schema, *, empty: bool) -> IndexSet | None:
        """Return the set with what a schema asks for besides, or None when it has all of it.

        What is new has to be built, unless the stream is ``empty``.
        """
        asked = {name: schema.fields[name] for name in schema.known}
        new = {name: info for name, info in asked.items() if not self._has(name, info)}
        sight = tuple(dict.fromkeys((*self.sight, *schema.sight)))
        if not new and sight == self.sight:
            return None
        names = dict.fromkeys((*self.building, *new, *set(sight).difference(self.sight)))
        return IndexSet(self.version + 1, self.fields | new, () if empty else tuple(names), sight)

    def _has(self, name: str, info: FieldInfo) -> bool:
        known = self.fields.get(name)
        return known is not None and (
            known == info or msgspec.structs.replace(info, equality=True) == known
        )

    def built(self, names: Iterable[str]) -> IndexSet:
        """Return the set in which some fields are complete."""
        done = set(names)
        left = tuple(name for name in self.building if name not in done)
        return IndexSet(self.version + 1, self.fields, left, self.sight)

    def check(self, where: Iterable[Condition], viewer: str | None = None) -> None:
        """Raise `Unavailable` where an index that is asked for is not complete."""
        asked = [condition.name for condition in where]
        for name in (*asked, *(self.sight if viewer is not None else ())):
            if name in self.building:
                raise Unavailable(f'The index of "{name}" is being built.', retry_after=5)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(IndexSet).decode


def encode_indexes(indexes: IndexSet) -> bytes:
    """Return a set of indexes as JSON."""
    return _encode(indexes)


def decode_indexes(text: bytes | str) -> IndexSet:
    """Return the set of indexes of a JSON text."""
    return _decode(text)
