"""A document class compiled: its struct types, and the functions that read and shape documents.

Everything here is made when it is first needed, and then kept with the class. `structs` explains
the types, `reading` and `writing` their use, `shapers` how they are cut down.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from brubeck.canonical import MAX_DEPTH
from brubeck.dictshield.reading import (
    finishing_steps,
    json_reader,
    python_reader,
    restoring_steps,
    stored_reader,
)
from brubeck.dictshield.shapers import make_shaper
from brubeck.dictshield.structs import BUILDING, build_struct, compiled_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brubeck.dictshield.field import BaseField
    from brubeck.dictshield.structs import CompiledDocument, Mode, Step, Struct


class Compiled:
    """The msgspec side of one document class."""

    def __init__(self, document: Any, fields: dict[str, BaseField[Any]]) -> None:
        self.document = document
        self.fields = fields
        self.structs: dict[Mode, Any] = {}

    def struct(self, mode: Mode) -> Any:
        """Return the struct type of a mode, made now if it is not there yet.

        msgspec works a type out when the first decoder is made for it. Two threads that do so at
        once crash it, so that is done here.
        """
        with BUILDING:
            if mode not in self.structs:
                made: list[CompiledDocument] = []
                try:
                    msgspec.json.Decoder(build_struct(self, mode, made))
                except BaseException:
                    for unfinished in made:
                        del unfinished.structs[mode]
                    raise
            return self.structs[mode]

    @cached_property
    def stored(self) -> Any:
        """The struct type without constraints."""
        return self.struct("stored")

    # -- what is known of the class ----------------------------------------------------------

    @cached_property
    def keys(self) -> dict[str, str]:
        """The field of each key that JSON may have; a short key gives way to a real one."""
        keys = {f.minimized_field_name or f.uniq_field: name for name, f in self.fields.items()}
        keys.update({field.uniq_field: name for name, field in self.fields.items()})
        return keys

    @cached_property
    def names(self) -> dict[str, str]:
        """The field of each key that Python may use: as in JSON, and ``_id`` for an ``id``."""
        return {**({"_id": "id"} if "id" in self.fields else {}), **self.keys}

    @cached_property
    def defaulted(self) -> list[tuple[str, BaseField[Any]]]:
        """The fields that are filled in where they are missing."""
        return [(name, field) for name, field in self.fields.items() if field.has_default]

    @cached_property
    def has_short_keys(self) -> bool:
        """Whether some field may also come under a short key, which C does not know."""
        return any(field.minimized_field_name for field in self.fields.values())

    @cached_property
    def unbounded(self) -> bool:
        """Whether JSON for this document can be nested without end."""
        return _is_unbounded(self, ())

    @cached_property
    def needs_json(self) -> bool:
        """Whether some value must go through `for_json`, or be sorted, to be written."""
        return _has(self, "needs_json", ()) or _has(self, "sorts", ())

    @cached_property
    def formed(self) -> list[tuple[str, BaseField[Any]]]:
        """The fields with a value that must go through `for_json`, or be sorted, to be written."""
        return [(name, field) for name, field in self.fields.items() if _is_formed(field)]

    @cached_property
    def converts(self) -> bool:
        """Whether some native value is of another type than msgspec decodes."""
        return _has(self, "converts", ())

    def parts(self) -> Iterator[tuple[BaseField[Any], CompiledDocument | None]]:
        """Yield every field, those inside lists too, with its compiled document class or None."""
        for field in self.fields.values():
            for part in field.parts():
                yield part, compiled_of(part)

    # -- what it does ------------------------------------------------------------------------

    @cached_property
    def steps(self) -> list[Step]:
        """The steps that finish a fresh struct."""
        return finishing_steps(self)

    @cached_property
    def restoring(self) -> list[Step]:
        """The steps that restore a stored struct."""
        return restoring_steps(self)

    @cached_property
    def read_dropping(self) -> Callable[[bytes], Any]:
        """Read good JSON, dropping unknown keys."""
        return json_reader(self, "refuse" if self.has_short_keys else "drop")

    @cached_property
    def read_refusing(self) -> Callable[[bytes], Any]:
        """Read good JSON without unknown keys."""
        return json_reader(self, "refuse")

    @cached_property
    def take_dropping(self) -> Callable[[Any], Any]:
        """Read good decoded JSON, dropping unknown keys."""
        return python_reader(self, "refuse" if self.has_short_keys else "drop")

    @cached_property
    def take_refusing(self) -> Callable[[Any], Any]:
        """Read good decoded JSON without unknown keys."""
        return python_reader(self, "refuse")

    @cached_property
    def read_stored(self) -> Callable[[bytes], Any]:
        """Read stored JSON, unchecked."""
        return stored_reader(self)

    @cached_property
    def shape_owner(self) -> Callable[[Struct], Struct]:
        """The function from a struct to the fields that the owner sees."""
        return make_shaper(self, "owner")

    @cached_property
    def shape_public(self) -> Callable[[Struct], Struct]:
        """The function from a struct to the fields that the public sees."""
        return make_shaper(self, "public")


def _is_unbounded(compiled: CompiledDocument, above: tuple[CompiledDocument, ...]) -> bool:
    if compiled in above or len(above) > MAX_DEPTH - 3:
        return True
    return any(
        _is_unbounded(child, (*above, compiled)) if child else part.kind in ("any", "object")
        for part, child in compiled.parts()
    )


def _has(compiled: CompiledDocument, flag: str, above: tuple[CompiledDocument, ...]) -> bool:
    if compiled in above:
        return False
    return any(
        getattr(part, flag) or (child is not None and _has(child, flag, (*above, compiled)))
        for part, child in compiled.parts()
    )


def _is_formed(field: BaseField[Any]) -> bool:
    """Return whether a field's values, or documents in them, have another form in JSON."""
    return any(
        part.needs_json or part.sorts or ((child := compiled_of(part)) and child.needs_json)
        for part in field.parts()
    )
