"""The frame of all documents: how a class collects its fields, and the methods of an instance.

An instance is a thin shell around one compiled struct (see `compiled`), which it keeps as
``__data__``. Fields are descriptors in the class, so that ``Quake.place`` is the field and
``quake.place`` its value. Embedded documents stay bare structs until they are accessed, and are
then wrapped in place.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import msgspec

from brubeck import green
from brubeck.canonical import TOO_DEEP
from brubeck.dictshield.base import (
    REFUSED,
    USER_CODE_ERRORS,
    ShieldDocException,
    ShieldException,
    child_pointer,
    shown,
)
from brubeck.dictshield.declaration import DocumentMetaclass, DocumentOptions
from brubeck.dictshield.field import REQUIRED
from brubeck.dictshield.limits import (
    MOST_FAULTS,
    Faults,
    TooManyFaults,
    add_shape_faults,
    parse,
    too_deep,
    too_many,
)
from brubeck.dictshield.partial import ClassChecks
from brubeck.dictshield.schema import Described
from brubeck.dictshield.shaping import SafeableMixin
from brubeck.dictshield.writing import as_text, encode, writable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.field import BaseField

Unknown = Literal["drop", "refuse"]
"""The treatment of unknown fields."""

NO_SUCH_FIELD = "Unknown field."


class BaseDocument(SafeableMixin, ClassChecks, Described, metaclass=DocumentMetaclass):
    """The base of all documents; `Document` and `EmbeddedDocument` are the classes to inherit."""

    __slots__ = ("__data__", "__weakref__")
    __root__ = True
    __optionsclass__: ClassVar[type[DocumentOptions]] = DocumentOptions
    __compiled__: ClassVar[Compiled]

    _fields: ClassVar[dict[str, BaseField[Any]]]
    _options: ClassVar[Any]
    _class_name: ClassVar[str]
    _superclasses: ClassVar[dict[str, type]]
    _meta: ClassVar[dict[str, Any]] = {}

    __data__: Any

    def __init__(self, /, **values: Any) -> None:
        self.__data__ = self.__compiled__.stored()
        fields, names = self._fields, self.__compiled__.names
        for name, field in self.__compiled__.defaulted:
            if values.get(name) is None:
                setattr(self.__data__, name, field.initial())
        for key, value in values.items():
            name = key if key in fields else names.get(key, "")
            if name:
                fields[name].__set__(self, value)

    # -- in ----------------------------------------------------------------------------------

    @classmethod
    def from_json(
        cls, body: bytes | str, *, unknown: Unknown = "drop", most: int = MOST_FAULTS
    ) -> Self:
        """Return the document that JSON holds, checked.

        A key that no field has is dropped, or refused. Raises `ShieldDocException` with the fields
        that are wrong, at most so many, and a last entry where there are more.
        """
        try:
            raw = body.encode() if isinstance(body, str) else body
            compiled = cls.__compiled__
            read = compiled.read_dropping if unknown == "drop" else compiled.read_refusing
            document: Self = read(raw)
        except REFUSED:
            return cls._read_carefully(parse_or_raise(cls, body), unknown, most)
        return document

    @classmethod
    def from_python(cls, values: Mapping[str, Any], *, unknown: Unknown = "drop") -> Self:
        """Return the document that decoded JSON holds, checked exactly as `from_json` does.

        Values may also be native ones already: a UUID, a datetime, an embedded document.
        """
        try:
            compiled = cls.__compiled__
            take = compiled.take_dropping if unknown == "drop" else compiled.take_refusing
            document: Self = take(values)
        except REFUSED:
            return cls._read_carefully(values, unknown)
        return document

    @classmethod
    def decode_stored(cls, body: bytes | str) -> Self:
        """Return the document that was stored once as JSON, without checking it.

        What the class requires by now may be missing, and what it no longer has is ignored.
        Raises `ShieldException` only for what is no JSON object at all.
        """
        try:
            raw = body.encode() if isinstance(body, str) else body
            document: Self = cls.__compiled__.read_stored(raw)
        except (msgspec.DecodeError, RecursionError, ValueError) as reason:
            raise ShieldException(f"This is no stored document: {reason}.", None, None) from reason
        return document

    @classmethod
    def _read_carefully(cls, tree: Any, unknown: Unknown, most: int = MOST_FAULTS) -> Self:
        faults, document = Faults(most=most), None
        try:
            add_shape_faults(tree, faults)
            if not any(fault.field_name is None for fault in faults):
                document = cls.__accept__(tree, "", faults, unknown)
        except TooManyFaults:
            faults = Faults([*faults, ShieldException(too_many(most), None, None)])
        if faults or document is None:
            raise ShieldDocException(cls._class_name, list(faults))
        return document

    @classmethod
    def __accept__(cls, values: Any, place: str, faults: Faults, rogue: Any) -> Self | None:
        """Return the document of decoded JSON; its faults are added to ``faults``."""
        if not isinstance(values, dict):
            faults.append(ShieldException("This is not an object.", None, values, pointer=place))
            return None
        document = cls.__around__(cls.__compiled__.stored())
        keys = cls.__compiled__.keys
        given = {keys[key]: value for key, value in values.items() if key in keys}
        for name, field in cls._fields.items():
            at = child_pointer(place, field.uniq_field)
            value = given.get(name)
            if value is None:
                native = _filled(field, at, faults)
            else:
                native = field.accept(value, at, faults, rogue)
            if field.required and (native is None or native == "") and value in (None, ""):
                faults.append(ShieldException(REQUIRED, name, value, pointer=at))
            setattr(document.__data__, name, native)
        if rogue == "refuse":
            faults.extend(
                ShieldException(NO_SUCH_FIELD, str(key), value, pointer=child_pointer(place, key))
                for key, value in values.items()
                if key not in keys
            )
        return document

    @classmethod
    def __around__(cls, data: Any) -> Self:
        """Return a document around a struct, without its constructor."""
        document = object.__new__(cls)
        document.__data__ = data
        return document

    # -- checking ----------------------------------------------------------------------------

    def validate(self, validate_all: bool = False) -> bool:
        """Return True when every value is good and every required one is there.

        Raises `ShieldException` for the first fault, or with ``validate_all`` a
        `ShieldDocException` with all of them. A good value that was put into a list unconverted,
        such as a dictionary among documents, is converted now.
        """
        self._check(self._fields, validate_all)
        return True

    def validate_fields(self, names: Collection[str]) -> None:
        """Validate the named fields alone, as `validate` does with ``validate_all``."""
        if names:
            self._check({name: self._fields[name] for name in names}, True)

    def _check(self, fields: Mapping[str, BaseField[Any]], validate_all: bool) -> None:
        faults: list[ShieldException] = []
        try:
            for fault in self.__faults__(fields):
                if not validate_all:
                    raise fault
                faults.append(fault)
            if not faults and self.__compiled__.unbounded:
                faults = too_deep(self.encode())
        except RecursionError:
            raise ShieldException(TOO_DEEP, None, None) from None
        if faults:
            raise ShieldDocException(self._class_name, faults)

    def __faults__(
        self, fields: Mapping[str, BaseField[Any]] | None = None
    ) -> Iterator[ShieldException]:
        for name, field in (self._fields if fields is None else fields).items():
            value, at = field.__get__(self), child_pointer("", field.uniq_field)
            found = Faults(most=inf)
            if field.required and (value is None or value == ""):
                found.append(ShieldException(REQUIRED, name, value, pointer=at))
            elif value is not None:
                native = field.accept(value, at, found, "drop")
                if not found:
                    setattr(self.__data__, name, _settled(value, native))
            yield from found

    # -- out ---------------------------------------------------------------------------------

    def to_python(self) -> dict[str, Any]:
        """Return the values that are there as a dictionary, with ``_cls`` and ``_types``."""
        return self._shown("for_python")

    def to_json(self, encode: bool = True, sort_keys: bool = False) -> Any:
        """Return the document as JSON text; without ``encode`` as values ready for JSON."""
        data = self._shown("for_json")
        return as_text(data, sort_keys=sort_keys) if encode else data

    def encode(self) -> bytes:
        """Return the stored form: compact JSON, keys in their order of declaration, no nulls.

        ``_cls`` and ``_types`` are left out. Reading it and writing it again gives the same bytes.
        """
        return encode(writable(self.__compiled__, self.__data__))

    def _shown(self, method: str) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for field in self._fields.values():
            value = field.__get__(self)
            if value is not None:
                data[field.uniq_field] = shown(value, getattr(field, method))
        if self._options.allow_inheritance and self._meta.get("allow_inheritance", True):
            data["_cls"] = self._class_name
            data["_types"] = [*self._superclasses, self._class_name]
        return data

    # -- as a dictionary and a value ---------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return name in self._fields and self[str(name)] is not None

    def __getitem__(self, name: str) -> Any:
        return self._fields[name].__get__(self)

    def __setitem__(self, name: str, value: Any) -> None:
        self._fields[name].__set__(self, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseDocument) or type(other) is not type(self):
            return NotImplemented
        return all(self[name] == other[name] for name in self._fields)

    __hash__ = None  # type: ignore[assignment]  # the way to say that it changes

    def __reduce__(self) -> Any:
        there = (name for name in self._fields if getattr(self.__data__, name) is not None)
        state: Any = object.__getstate__(self)
        attributes, slots = state  # what a subclass has besides its fields
        del slots["__data__"]
        return _restored, (type(self), {name: self[name] for name in there}), (attributes, slots)

    def __str__(self) -> str:
        return f"{type(self).__name__} object"

    def __repr__(self) -> str:
        shown = (name for name in self._fields if name not in self._private_fields)
        told = [f"{name}={self[name]!r:.80}" for name in shown if self[name] is not None]
        return f"{type(self).__name__}({', '.join(told)})"


class EmbeddedDocument(BaseDocument):
    """A document inside another one, or a mixin of fields; it has no id."""

    __root__ = True


def _settled(value: Any, native: Any) -> Any:
    """Return a value as a document stores it: itself, unless it is of another type."""
    if isinstance(value, list) and isinstance(native, list):
        value[:] = [_settled(*pair) for pair in green.fairly(zip(value, native, strict=False))]
        return value
    return value if type(value) is type(native) else native


def _filled(field: BaseField[Any], place: str, faults: Faults) -> Any:
    try:
        return field.filled()
    except (ShieldException, *USER_CODE_ERRORS) as error:
        faults.extend(field.relocated(error, place, None))
        return None


def parse_or_raise(document: type[BaseDocument], body: bytes | str) -> Any:
    """Return JSON as values; `ShieldDocException` when it is none."""
    try:
        return parse(body)
    except ShieldException as error:
        raise ShieldDocException(document.__name__, [error]) from None


def _restored(cls: type[BaseDocument], values: dict[str, Any]) -> BaseDocument:
    """Return a document from its values, as `copy` and `pickle` have kept them."""
    document = cls.__around__(cls.__compiled__.stored())
    for name, value in values.items():
        if name in cls.__compiled__.fields:
            setattr(document.__data__, name, value)
    return document
