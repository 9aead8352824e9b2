"""JSON to documents in one pass of C, where C can tell that the JSON is good.

What C lets through is a subset of what is good; what it refuses is read again the careful way,
which decides. Therefore no rule is written twice: C may be stricter, never laxer. Each function
here raises one of `REFUSED` when it cannot tell.

JSON that names a key twice is invisible to the decoder, which keeps the last. It is found by
counting colons: without escapes, a text that lost a member on the way in has more of them than
the same document written out again. Only where the counts differ is the JSON read in Python.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from brubeck import green
from brubeck.dictshield.base import USER_CODE_ERRORS, ShieldException
from brubeck.dictshield.limits import too_deep
from brubeck.dictshield.mixed import alternatives
from brubeck.dictshield.structs import compiled_of, is_struct
from brubeck.dictshield.writing import encode
from brubeck.green.collecting import LONG, decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from brubeck.dictshield.field import BaseField
    from brubeck.dictshield.structs import CompiledDocument, Mode, Step, Struct

    Work = Callable[[Any], Any]

_BACKSLASH: Final = ord("\\")
_COLON: Final = ord(":")
"""Looking for one byte is several times faster than looking for a text of length one."""


def json_reader(compiled: CompiledDocument, mode: Mode) -> Callable[[bytes], Any]:
    """Return the function from good JSON to a document."""
    decode = msgspec.json.Decoder(compiled.struct(mode)).decode
    document, steps, unbounded = compiled.document, compiled.steps, compiled.unbounded
    new = object.__new__

    def read(raw: bytes) -> Any:
        data: Struct = decode(raw) if len(raw) < LONG else _decoded(decode, raw)
        written = encode(data)
        if _BACKSLASH in raw and b"\\u00" in raw:
            _refuse_escapes(raw)
        elif raw != written and raw.count(_COLON) != written.count(_COLON):
            _refuse_twice(raw)
        if unbounded:
            _refuse_depth(raw)
        for step in steps:
            step(data)
        made = new(document)
        made.__data__ = data
        return made

    return read


def python_reader(compiled: CompiledDocument, mode: Mode) -> Callable[[Any], Any]:
    """Return the function from good decoded JSON to a document."""
    struct, steps = compiled.struct(mode), compiled.steps
    document, unbounded = compiled.document, compiled.unbounded

    def read(values: Any) -> Any:
        data: Struct = msgspec.convert(values, struct)
        written = encode(data)
        if b"\\u0000" in written:
            raise ValueError("a NUL, perhaps")
        if unbounded:
            _refuse_depth(written)
        for step in steps:
            step(data)
        return document.__around__(data)

    return read


def stored_reader(compiled: CompiledDocument) -> Callable[[bytes], Any]:
    """Return the function from stored JSON to a document, which accepts invalid values."""
    decode = msgspec.json.Decoder(compiled.struct("stored")).decode
    document, steps = compiled.document, compiled.restoring
    new = object.__new__

    def read(raw: bytes) -> Any:
        try:
            data: Struct = decode(raw) if len(raw) < LONG else _decoded(decode, raw)
        except msgspec.ValidationError:
            data = revive(compiled, msgspec.json.decode(raw))
        else:
            for step in steps:
                step(data)
        made = new(document)
        made.__data__ = data
        return made

    return read


def _decoded(decode: Callable[[bytes], Any], raw: bytes) -> Any:
    """Return the value that a decoder makes of a long text, and give others a turn after it."""
    data = decoded(decode, raw)
    green.take_turn()
    return data


def _refuse_escapes(raw: bytes) -> None:
    """Raise for a NUL, or a key given twice behind an escaped colon."""
    if b"\\u0000" in raw:
        raise ValueError("a NUL, perhaps")
    _refuse_twice(raw)


def _refuse_twice(raw: bytes) -> None:
    """Raise when an object in JSON that C has read names a key twice.

    Members that C has skipped are decoded here for the first time, strictly.
    """
    decoded(partial(json.loads, object_pairs_hook=_unique), str(raw, "utf-8"))


def _unique(pairs: list[tuple[str, Any]]) -> None:
    green.take_turn()
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key given twice")


def _refuse_depth(raw: bytes) -> None:
    for fault in too_deep(raw):
        raise fault


# -- after decoding: checks that the types cannot express, and defaults --------------------------


def finishing_steps(compiled: CompiledDocument) -> list[Step]:
    """Return the steps that finish a fresh struct that C has let through."""
    steps: list[Step] = []
    for name, field in compiled.fields.items():
        work = _checking(field)
        if work is not None:
            steps.append(_on_member(name, work))
        if field.has_default:
            steps.append(_default(name, field))
        if field.lets_none_pass:
            steps.append(_present(name))
    return steps


def _checking(field: BaseField[Any]) -> Work | None:
    """Return the function from a decoded value to the good native one; None for nothing to do."""
    inner: Work | None = None
    child = compiled_of(field)
    if child is not None and needs_finish(child, ()):
        inner = _each_step(child, "steps")
    elif child is None and field.item_field is not None:
        inner = _on_items(_checking(field.item_field))
    elif (kinds := alternatives(field)) and (works := [*filter(None, map(_checking, kinds))]):
        inner = _on_structs(works[0])  # of the documents: other kinds have none
    own = field.after_decoding if field.needs_check else None
    if inner is None or own is None:
        return inner or own
    return lambda value: own(inner(value))


def restoring_steps(compiled: CompiledDocument) -> list[Step]:
    """Return the steps that make stored values native again, unchecked."""
    works = ((name, _restoring(field)) for name, field in compiled.fields.items())
    return [_on_member(name, work) for name, work in works if work is not None]


def _restoring(field: BaseField[Any]) -> Work | None:
    child = compiled_of(field)
    if child is not None:
        return _each_step(child, "restoring") if child.converts else None
    if field.item_field is not None:
        return _on_items(_restoring(field.item_field))
    return _leniently(field.restore) if field.converts else None


def _on_member(name: str, work: Work) -> Step:
    def step(data: Struct) -> None:
        value = getattr(data, name)
        if value is not None:
            native = work(value)
            if native is not value:
                setattr(data, name, native)

    return step


def _on_items(work: Work | None) -> Work | None:
    if work is None:
        return None

    def each(values: list[Any]) -> list[Any]:
        values[:] = [work(value) for value in green.fairly(values)]
        return values

    return each


def _on_structs(work: Work) -> Work:
    def each(values: list[Any]) -> list[Any]:
        for value in green.fairly(values):
            if is_struct(value):
                work(value)
        return values

    return each


def _each_step(child: CompiledDocument, which: str) -> Work:
    def run(data: Struct) -> Struct:
        for step in getattr(child, which):
            step(data)
        return data

    return run


def _default(name: str, field: BaseField[Any]) -> Step:
    make = field.filled

    def fill(data: Struct) -> None:
        if getattr(data, name) is None:
            setattr(data, name, make())

    return fill


def _present(name: str) -> Step:
    """Return the check of a required field; its type would let null, or its default, pass."""

    def check(data: Struct) -> None:
        if getattr(data, name) in (None, ""):
            raise ValueError("missing")

    return check


def needs_finish(compiled: CompiledDocument, above: tuple[CompiledDocument, ...]) -> bool:
    """Return whether fresh structs need any step in Python."""
    if compiled in above:
        return False
    return any(
        part.needs_check
        or part.has_default
        or part.lets_none_pass
        or (child is not None and needs_finish(child, (*above, compiled)))
        for part, child in compiled.parts()
    )


# -- stored documents whose fields have changed their types ---------------------------------------


def revive(compiled: CompiledDocument, values: Any) -> Struct:
    """Return the struct of stored values that no longer have the fields' types."""
    if not isinstance(values, dict):
        raise ShieldException("This is not an object.", None, values)
    kept = {
        name: _revived(field, values[field.uniq_field])
        for name, field in compiled.fields.items()
        if values.get(field.uniq_field) is not None
    }
    return compiled.stored(**kept)


def _revived(field: BaseField[Any], value: Any) -> Any:
    child = compiled_of(field)
    if child is not None:
        # A document at once: a list of structs must hold nothing else, and this one may.
        known = isinstance(value, dict)
        return child.document.__around__(revive(child, value)) if known else value
    if field.item_field is not None and isinstance(value, list):
        return [_revived(field.item_field, item) for item in value]
    try:
        decoded = msgspec.convert(value, field.loose_type())
    except msgspec.ValidationError:
        return value
    return _leniently(field.restore)(decoded) if field.converts else decoded


def _leniently(restore: Work) -> Work:
    def attempt(value: Any) -> Any:
        try:
            return restore(value)
        except (ShieldException, *USER_CODE_ERRORS):
            return value

    return attempt
