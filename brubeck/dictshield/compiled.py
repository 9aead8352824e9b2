"""A document class compiled to msgspec types: good JSON becomes a document in one pass of C.

Each class has up to three struct types, made when they are first needed. ``stored`` is the one
without constraints, which also holds the values of documents made in Python; ``drop`` and
``refuse`` are the strict ones, which differ in what they do with unknown keys. All have the
class's field names as attributes, so that it does not matter which of them a document holds.

What C lets through is a subset of what is good (see `Compiled.read`), and what it refuses is read
again the careful way. Therefore no rule is written twice: C may be stricter, never laxer.

JSON that names a key twice is invisible to the decoder, which keeps the last. It is found by
counting colons: without escapes, a text that lost a member on the way in has more of them than
the same document written out again. Only where the counts differ is the JSON read in Python.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, ForwardRef, Literal

import msgspec

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.field import USER_CODE_ERRORS
from brubeck.dictshield.limits import DEEPEST, parse, shape_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brubeck.dictshield.field import BaseField

Mode = Literal["stored", "drop", "refuse"]
Struct = Any

REFUSED = (msgspec.MsgspecError, RecursionError, ShieldException, *USER_CODE_ERRORS)
"""Why the fast way may give up."""


def write_unknown(value: Any) -> Any:
    """Return what msgspec can write of a value it does not know: a document, an ObjectId."""
    data = getattr(value, "__data__", None)
    if data is not None:
        return data
    if type(value).__name__ == "ObjectId":
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


_encoder = msgspec.json.Encoder(enc_hook=write_unknown)
encode = _encoder.encode
"""Write a struct, a document or plain values as compact JSON."""


class Compiled:
    """The msgspec side of one document class."""

    def __init__(self, document: Any, fields: dict[str, BaseField[Any]]) -> None:
        self.document = document
        self.fields = fields
        self._structs: dict[Mode, type] = {}
        self._decoders: dict[Mode, Callable[[bytes], Struct]] = {}

    @cached_property
    def stored(self) -> Any:
        """The struct type without constraints."""
        return self.struct("stored")

    @cached_property
    def names(self) -> dict[str, str]:
        """The field of each key that JSON may have: ``_id``, short keys, and the real ones last."""
        names = {"_id": "id"} if "id" in self.fields else {}
        for name, field in self.fields.items():
            names[field.minimized_field_name or field.uniq_field] = name
        names.update({field.uniq_field: name for name, field in self.fields.items()})
        return names

    def by_field(self, values: dict[Any, Any]) -> dict[str, Any]:
        """Return decoded JSON by field name; keys that no field has are kept as they are."""
        keys = {field.uniq_field: name for name, field in self.fields.items()}
        for name, field in self.fields.items():
            if field.minimized_field_name:
                keys.setdefault(field.minimized_field_name, name)
        return {keys.get(key, key): value for key, value in values.items()}

    @cached_property
    def has_aliases(self) -> bool:
        """Whether some field may also come under a short key."""
        return any(field.minimized_field_name for field in self.fields.values())

    @cached_property
    def unbounded(self) -> bool:
        """Whether JSON for this document can be nested without end."""
        return _is_unbounded(self, ())

    @cached_property
    def needs_json(self) -> bool:
        """Whether some value must go through `for_json` to be written."""
        return _needs_json(self, ())

    @cached_property
    def steps(self) -> list[Callable[[Struct], None]]:
        """What is to be done with a fresh struct."""
        return [step for name, field in self.fields.items() for step in _steps(name, field)]

    def embedded(self) -> Iterator[tuple[BaseField[Any], Compiled | None]]:
        """Yield every field, those inside lists too, with what its values are compiled to."""
        for field in self.fields.values():
            for part in field.parts():
                yield part, compiled_of(part)

    # -- types -------------------------------------------------------------------------------

    def struct(self, mode: Mode) -> type:
        """Return the struct type of a mode, made now if it is not there yet."""
        return self._structs.get(mode) or self._build(mode)

    def built(self, mode: Mode) -> type | None:
        """Return the struct type of a mode if it is there."""
        return self._structs.get(mode)

    def _build(self, mode: Mode) -> type:
        pending: dict[str, Compiled] = {}
        built = msgspec.defstruct(
            self.document.__name__,
            [self._member(name, field, mode, pending) for name, field in self.fields.items()],
            kw_only=True,
            omit_defaults=True,
            forbid_unknown_fields=mode == "refuse",
            rename={name: field.uniq_field for name, field in self.fields.items()},
            module=__name__,
        )
        self._structs[mode] = built
        for reference, other in pending.items():
            setattr(built, reference, other.struct(mode))
        return built

    def _member(
        self, name: str, field: BaseField[Any], mode: Mode, pending: dict[str, Compiled]
    ) -> tuple[Any, ...]:
        kind = _type_of(field, mode, pending)
        if mode != "stored" and field.required and not field.has_default:
            return (name, kind)
        return (name, kind | None, None) if kind is not Any else (name, Any, None)

    # -- reading -----------------------------------------------------------------------------

    def read(self, raw: bytes, mode: Mode) -> Struct:
        """Return the struct of good JSON; raises one of `REFUSED` when C alone cannot say so."""
        if self.has_aliases and mode == "drop":
            mode = "refuse"
        data: Struct = self._decoder(mode)(raw)
        self._refuse_hidden(raw, data)
        self.finish(data)
        return data

    def convert(self, values: Any, mode: Mode) -> Struct:
        """Return the struct of good Python values; raises one of `REFUSED` otherwise."""
        if self.has_aliases and mode == "drop":
            mode = "refuse"
        data: Struct = msgspec.convert(values, self.struct(mode), strict=True)
        written = encode(data)
        if b"\\u0000" in written:
            raise ValueError("a NUL, perhaps")
        self._refuse_depth(written)
        self.finish(data)
        return data

    def _decoder(self, mode: Mode) -> Callable[[bytes], Struct]:
        decode = self._decoders.get(mode)
        if decode is None:
            decode = msgspec.json.Decoder(self.struct(mode)).decode
            self._decoders[mode] = decode
        return decode

    def _refuse_hidden(self, raw: bytes, data: Struct) -> None:
        """Raise for what the decoder does not see: keys given twice, NULs, too many levels."""
        if b"\\" in raw and b"\\u00" in raw:
            if b"\\u0000" in raw:
                raise ValueError("a NUL, perhaps")
            _refuse_twice(raw)
        elif raw.count(b":") != encode(data).count(b":"):
            _refuse_twice(raw)
        self._refuse_depth(raw)

    def _refuse_depth(self, raw: bytes) -> None:
        if self.unbounded and raw.count(b"{") + raw.count(b"[") > DEEPEST:
            _refuse_twice(raw)

    def finish(self, data: Struct) -> None:
        """Fill in defaults and check what the types cannot say, here and in embedded documents."""
        for step in self.steps:
            step(data)

    def writable(self, data: Struct) -> Struct:
        """Return the struct in a form that msgspec writes as the fields want it."""
        if not self.needs_json:
            return data
        ready = copy.copy(data)
        for name, field in self.fields.items():
            value = getattr(data, name)
            if value is not None:
                setattr(ready, name, _ready(field, value))
        return ready

    def read_stored(self, raw: bytes) -> Struct:
        """Return the struct of JSON that was stored once, whatever the fields say today."""
        try:
            data: Struct = self._decoder("stored")(raw)
        except msgspec.ValidationError:
            return self.revive(msgspec.json.decode(raw))
        return self._restored(data)

    def revive(self, values: Any) -> Struct:
        """Return the struct of stored values that no longer have the fields' types."""
        if not isinstance(values, dict):
            raise ShieldException("Not an object", None, values)
        kept = {
            name: _revived(field, values[field.uniq_field])
            for name, field in self.fields.items()
            if field.uniq_field in values
        }
        return self.stored(**kept)

    def _restored(self, data: Struct) -> Struct:
        for name, field in self.fields.items():
            if field.converts:
                value = getattr(data, name)
                if value is not None:
                    setattr(data, name, _restored(field, value))
        return data


def compiled_of(field: BaseField[Any]) -> Compiled | None:
    """Return what the document class of an embedded field is compiled to."""
    document = field.embedded_type
    return None if document is None else document.__compiled__


def _ready(field: BaseField[Any], value: Any) -> Any:
    """Return a native value as msgspec can write it."""
    child = compiled_of(field)
    if child is not None:
        data = getattr(value, "__data__", value)
        kind = type(value).__compiled__ if data is not value else child
        return kind.writable(data)
    if field.item_field is not None and not field.needs_json:
        return [_ready(field.item_field, item) for item in value]
    return field.for_json(value) if field.needs_json else value


def _restored(field: BaseField[Any], value: Any) -> Any:
    try:
        return field.restore(value)
    except (ShieldException, *USER_CODE_ERRORS):
        return value


def _revived(field: BaseField[Any], value: Any) -> Any:
    child = compiled_of(field)
    if child is not None and isinstance(value, dict):
        return child.revive(value)
    try:
        kind = _type_of(field, "stored", {})
        return _restored(field, msgspec.convert(value, kind))
    except (msgspec.ValidationError, RecursionError, NameError):
        return value


def _refuse_twice(raw: bytes) -> None:
    faults = shape_faults(parse(raw))
    if faults:
        raise faults[0]


def _type_of(field: BaseField[Any], mode: Mode, pending: dict[str, Compiled]) -> Any:
    """Return the msgspec type of a field; a document that is being built is referred to by name."""
    child = compiled_of(field)
    if child is not None:
        return child.built(mode) or _reference(child, pending)
    if field.item_field is not None:
        return list[_type_of(field.item_field, mode, pending)]  # type: ignore[misc]
    return field.loose_type() if mode == "stored" else field.wire_type()


def _reference(child: Compiled, pending: dict[str, Compiled]) -> ForwardRef:
    name = f"_{child.document.__name__}_{id(child)}"
    pending[name] = child
    return ForwardRef(name)


def _steps(name: str, field: BaseField[Any]) -> list[Callable[[Struct], None]]:
    """Return what is to be done with a field of a fresh struct after C has let it through."""
    steps: list[Callable[[Struct], None]] = []
    work = _work(field)
    if work is not None:
        steps.append(_do(name, work))
    if field.has_default:
        steps.append(_default(name, field))
    return steps


def _do(name: str, work: Callable[[Any], Any]) -> Callable[[Struct], None]:
    def run(data: Struct) -> None:
        value = getattr(data, name)
        if value is not None:
            native = work(value)
            if native is not value:
                setattr(data, name, native)

    return run


def _work(field: BaseField[Any]) -> Callable[[Any], Any] | None:
    """Return the function from a decoded value to the good native one; None for nothing to do."""
    inner = None
    child = compiled_of(field)
    if child is not None:
        inner = _finish(child)
    elif field.item_field is not None:
        inner = _each(_work(field.item_field))
    if inner is None:
        return field.after_decoding if field.needs_check else None
    return _both(inner, field.after_decoding) if field.needs_check else inner


def _finish(child: Compiled) -> Callable[[Struct], Struct] | None:
    if not _needs_finish(child, ()):
        return None

    def finish(value: Struct) -> Struct:
        child.finish(value)
        return value

    return finish


def _each(work: Callable[[Any], Any] | None) -> Callable[[list[Any]], list[Any]] | None:
    if work is None:
        return None

    def each(values: list[Any]) -> list[Any]:
        values[:] = [work(value) for value in values]
        return values

    return each


def _both(first: Callable[[Any], Any], then: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: then(first(value))


def _default(name: str, field: BaseField[Any]) -> Callable[[Struct], None]:
    make = field.initial

    def fill(data: Struct) -> None:
        if getattr(data, name) is None:
            setattr(data, name, make())

    return fill


def _is_unbounded(compiled: Compiled, above: tuple[Compiled, ...]) -> bool:
    if compiled in above or len(above) > DEEPEST - 3:
        return True
    return any(
        _is_unbounded(child, (*above, compiled)) if child else part.kind in ("any", "object")
        for part, child in compiled.embedded()
    )


def _needs_finish(compiled: Compiled, above: tuple[Compiled, ...]) -> bool:
    """Return whether fresh structs need any step in Python."""
    if compiled in above:
        return False
    return any(
        part.needs_check
        or part.has_default
        or (child is not None and _needs_finish(child, (*above, compiled)))
        for part, child in compiled.embedded()
    )


def _needs_json(compiled: Compiled, above: tuple[Compiled, ...]) -> bool:
    if compiled in above:
        return False
    return any(
        part.needs_json or (child is not None and _needs_json(child, (*above, compiled)))
        for part, child in compiled.embedded()
    )
