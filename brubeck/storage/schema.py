"""The schema of a stream's records: the names, kinds and indexes of their fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

import msgspec
from msgspec.structs import astuple

from brubeck.canonical import pointer_token
from brubeck.storage.errors import NotCanonical
from brubeck.storage.records import Put, Scalar, Write
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

_NOBODY: Final[frozenset[str]] = frozenset()
MAX_VALUES: Final = 100
"""How many values of a field are indexed: each costs entries in every order that it has."""

MAX_TEXT: Final = 1000
"""How many characters of a text are in its key, which is kept while readers may have seen it."""


class FieldInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field: its kind, its members' kind if it is a list, and whether it can be filtered by.

    ``equality`` says that an indexed field is asked for by its very values, not only by ranges: it
    is worth an order of the timeline for each of them.

    A field with a ``source`` is no member of a body: its values are those in the source, a list or
    an object, at each of the ``keys``; a number is a place in a list, a text a name in an object.
    """

    kind: Kind
    indexed: bool = False
    item_kind: Kind | None = None
    equality: bool = False
    source: str = ""
    keys: tuple[int | str, ...] = ()


class RecordSchema(msgspec.Struct, frozen=True, dict=True):
    """The fields of a stream's records by name.

    >>> schema = RecordSchema({'place': FieldInfo('string'), 'network': FieldInfo('string', True)})
    >>> schema.extract(b'{"place":"Here","network":"ci"}')
    {'network': ('ci',)}
    """

    fields: dict[str, FieldInfo] = {}
    sight: tuple[str, ...] = ()
    """The fields that hold the viewers of a record."""

    def joined(self, other: RecordSchema) -> RecordSchema:
        """Return a schema with the indexes of both; where they differ, the other decides."""
        if other == self:
            return self
        asked = {name: self.fields[name] for name in self.known if name not in other.known}
        sight = tuple(dict.fromkeys((*self.sight, *other.sight)))
        return RecordSchema(self.fields | other.fields | asked, sight)

    @property
    def known(self) -> list[str]:
        """The names of the fields with values that a storage extracts."""
        return list(dict.fromkeys((*self.indexed, *self.sight)))

    @property
    def indexed(self) -> list[str]:
        """The names of the fields that can be filtered by."""
        return [name for name, info in self.fields.items() if info.indexed]

    def extract(self, body: bytes) -> dict[str, Values]:
        """Return the values of a body's known fields, in one pass; nothing is an empty tuple.

        Of a list that is longer than `MAX_VALUES`, because it is older than its index, these are
        the first ones: no step of a storage depends on how long a list was.
        """
        if not self._names:
            return {}
        plain = self._plain
        try:
            found = astuple(self._plain_decoder.decode(body))
        except msgspec.ValidationError:
            plain, found = (), astuple(self._decoder.decode(body))
        values: dict[str, Values] = {
            name: () if value is None else (value,)
            for name, value in zip(plain, found, strict=False)
        }
        others = slice(len(plain), len(self._kinds))
        for (name, kind, whole, _), value in zip(self._kinds[others], found[others], strict=True):
            values[name] = _values(value, kind, whole)
        for name, info, place in self._derived:
            values[name] = _values_inside(found[place], info)
        return values

    def check(self, body: bytes) -> None:
        """Raise `NotCanonical` for a body with more values of a known field than are indexed."""
        if body.count(b",") < MAX_VALUES or not self._names:
            return  # so short a text holds no such list
        found = astuple(self._decoder.decode(body))
        for name, value in zip(self._names, found, strict=True):
            if isinstance(value, list) and len(value) > MAX_VALUES:
                detail = f"At most {MAX_VALUES} values can be indexed; this list has {len(value)}."
                raise NotCanonical(f"/{pointer_token(name)}", detail)

    def check_writes(self, writes: Iterable[Write]) -> None:
        """Check the body of each write; a storage calls it before it writes any of them."""
        for write in writes:
            if isinstance(write, Put):
                self.check(write.body)

    def viewers(self, values: Mapping[str, Values]) -> frozenset[str]:
        """Return the viewers of a record with these values."""
        if not self.sight:
            return _NOBODY
        return frozenset(
            each for name in self.sight for each in values.get(name, ()) if isinstance(each, str)
        )

    def shows(self, body: bytes, viewer: str | None) -> bool:
        """Return whether a viewer may see a record with this body; None may see everything."""
        return viewer is None or viewer in self.viewers(self.extract(body))

    @cached_property
    def _names(self) -> list[str]:
        """The members of a body that have the values of known fields; those of `_kinds` first."""
        sources = [self.fields[name].source for name in self.known if self.fields[name].source]
        return list(dict.fromkeys((*(name for name, *_ in self._kinds), *sources)))

    @cached_property
    def _plain(self) -> tuple[str, ...]:
        """The names of the plain fields, which are the first ones of `_kinds`."""
        return tuple(name for name, _, _, plain in self._kinds if plain)

    @cached_property
    def _derived(self) -> list[tuple[str, FieldInfo, int]]:
        """The known fields with values inside another one; the last is its place in `_names`."""
        infos = [(name, self.fields[name]) for name in self.known if self.fields[name].source]
        return [(name, info, self._names.index(info.source)) for name, info in infos]

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        return self._decoder_of({})

    @cached_property
    def _plain_decoder(self) -> msgspec.json.Decoder[Any]:
        """The decoder of bodies with plain values alone where values can be plain.

        It refuses each value that is not its own key. Those of other fields it takes as they are.
        """
        return self._decoder_of(
            {name: _OWN_KEYS[kind] for name, kind, _, plain in self._kinds if plain}
        )

    def _decoder_of(self, types: Mapping[str, Any]) -> msgspec.json.Decoder[Any]:
        """Return a decoder to a struct of `_names` alone: it passes over everything else."""
        # A name need not be one that an attribute can have.
        members = {f"member_{number}": name for number, name in enumerate(self._names)}
        fields = [(attribute, types.get(name, Any), None) for attribute, name in members.items()]
        return msgspec.json.Decoder(msgspec.defstruct("Known", fields, rename=members))

    @cached_property
    def _kinds(self) -> list[tuple[str, Kind, bool, bool]]:
        """The known fields that are members of a body; plain ones first.

        With each comes the kind of its value or of each of its values, whether a text stays whole,
        and whether nearly every value is plain: a single one that is its own key.
        """
        infos = [(name, self.fields[name]) for name in self.known if not self.fields[name].source]
        kinds: list[tuple[str, Kind, bool, bool]] = [
            (
                name,
                (info.item_kind or "any") if info.kind == "list" else info.kind,
                name in self.sight,  # names of viewers are compared as they are
                info.kind in _OWN_KEYS and name not in self.sight,
            )
            for name, info in infos
        ]
        return sorted(kinds, key=lambda each: not each[3])


def _values(value: Any, kind: Kind, whole: bool) -> Values:
    if value is None:
        return ()
    if not isinstance(value, list):
        key = filter_key(value, kind, whole=whole)
        return () if key is None else (key,)
    found = [filter_key(member, kind, whole=whole) for member in value[:MAX_VALUES]]
    return tuple(member for member in found if member is not None)


def _values_inside(value: Any, info: FieldInfo) -> Values:
    """Return the values of a field that lie inside another one."""
    found = []
    for key in info.keys:
        if isinstance(key, str):
            member = value.get(key) if isinstance(value, dict) else None
        else:
            member = value[key] if isinstance(value, list) and key < len(value) else None
        if (known := filter_key(member, info.kind)) is not None:
            found.append(known)
    return tuple(found)


def filter_key(value: Any, kind: Kind, *, whole: bool = False) -> Scalar | None:
    """Return the key of a value of a field, by which conditions compare it.

    It is the same for the value in an item and for the value in a query: so a value that was shown
    finds its item. Moments count by whole milliseconds. A text of more than `MAX_TEXT` characters
    counts by these and a digest of all, unless it is to stay ``whole``. None for a value that is
    not of its field's kind: an item may be older than its model, and what the field holds then
    meets no condition.
    """
    if kind == "datetime" and isinstance(value, str):
        # A moment may be written in more ways than one; milliseconds cannot.
        try:
            return rfc3339_to_millis(value)
        except ValueError:
            return None
    if isinstance(value, str) and len(value) > MAX_TEXT and not whole:
        value = text_key(value)
    if kind == "string":
        return value if isinstance(value, str) else None
    expected = _TYPES.get(kind, (str, int, float))
    if isinstance(value, bool) and bool not in expected and kind != "any":
        return None
    return cast("Scalar", value) if isinstance(value, expected) else None


def text_key(text: str) -> str:
    """Return the key of a text: itself, or the beginning and a digest of a long one."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]} {blake2b(text.encode(), digest_size=16).hexdigest()}"


_OWN_KEYS: Final[dict[Kind, Any]] = {
    "string": Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] | None,
    "integer": int | float | None,
    "number": int | float | None,
    "milliseconds": int | float | None,
    "boolean": bool | None,
}
"""The values of fields that are their own keys, by the kind of the field."""

_TYPES: Final[dict[Kind, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "milliseconds": (int, float),
    "datetime": (int, float),
    "boolean": (bool,),
}
