"""The msgspec struct types that a document class compiles to.

A class has up to three of them, made when they are first needed. ``stored`` is the one without
constraints, which also holds the values of documents made in Python; ``drop`` and ``refuse`` are
the strict ones, which differ in what they do with unknown keys. All have the class's field names
as attributes, so that it does not matter which of them a document holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, ForwardRef, Literal, Protocol, TypeAlias, Union

import msgspec

from brubeck.dictshield.mixed import alternatives

if TYPE_CHECKING:
    from brubeck.dictshield.field import BaseField

BUILDING: Final = RLock()
"""Held while types are made, which refer to each other before they are finished."""

Mode = Literal["stored", "drop", "refuse"]
Struct = Any
"""An instance of any of these types."""
Step: TypeAlias = Callable[[Struct], object]
"""A step that finishes or restores a struct in place."""


class CompiledDocument(Protocol):
    """The compiled form of a document class, as far as the modules go that it is made of."""

    document: Any
    fields: dict[str, BaseField[Any]]
    structs: dict[Mode, Any]

    @property
    def stored(self) -> Any:
        """The struct type without constraints."""

    @property
    def steps(self) -> list[Step]:
        """The steps that finish a fresh struct."""

    @property
    def restoring(self) -> list[Step]:
        """The steps that restore a stored struct."""

    @property
    def unbounded(self) -> bool:
        """Whether JSON for this document can be nested without end."""

    @property
    def needs_json(self) -> bool:
        """Whether some value has another form in JSON."""

    @property
    def formed(self) -> list[tuple[str, BaseField[Any]]]:
        """The fields with a value that has another form in JSON."""

    @property
    def converts(self) -> bool:
        """Whether some native value is of another type than msgspec decodes."""

    def struct(self, mode: Mode) -> Any:
        """Return the struct type of a mode."""

    def parts(self) -> Iterator[tuple[BaseField[Any], CompiledDocument | None]]:
        """Yield every field, those inside lists too, with its compiled document class or None."""


def is_struct(value: object) -> bool:
    """Return whether a value is a bare struct; `isinstance` would ask its metaclass, slowly."""
    return hasattr(value, "__struct_fields__")


def compiled_of(field: BaseField[Any]) -> CompiledDocument | None:
    """Return the compiled document class of an embedded field; None for any other field."""
    document = field.embedded_type
    return None if document is None else document.__compiled__


def build_struct(compiled: CompiledDocument, mode: Mode, made: list[CompiledDocument]) -> Any:
    """Return the struct type of a mode, put into its table before the types it refers to are made.

    ``made`` gets each document class that has a new type.
    """
    pending: dict[str, CompiledDocument] = {}
    built: Any = msgspec.defstruct(
        compiled.document.__name__,
        [_member(name, field, mode, pending) for name, field in compiled.fields.items()],
        kw_only=True,
        omit_defaults=True,
        forbid_unknown_fields=mode == "refuse",
        rename={name: field.uniq_field for name, field in compiled.fields.items()},
        module=__name__,
    )
    compiled.structs[mode] = built
    made.append(compiled)
    for reference, other in pending.items():
        setattr(built, reference, other.structs.get(mode) or build_struct(other, mode, made))
    return built


def _member(
    name: str, field: BaseField[Any], mode: Mode, pending: dict[str, CompiledDocument]
) -> tuple[Any, ...]:
    kind = _type_of(field, mode, pending)
    if mode != "stored" and field.required and not field.has_default:
        return (name, kind)
    return (name, Any if kind is Any else kind | None, None)


def _type_of(field: BaseField[Any], mode: Mode, pending: dict[str, CompiledDocument]) -> Any:
    """Return the type of a field; a document that is being built is referred to by a name."""
    child = compiled_of(field)
    if child is not None:
        return child.structs.get(mode) or _reference(child, pending)
    if kinds := alternatives(field):
        types = tuple(_type_of(each, mode, pending) for each in kinds)
        return list[Union[types]]  # type: ignore[valid-type]  # noqa: UP007, made while it runs
    if field.item_field is not None:
        return list[_type_of(field.item_field, mode, pending)]  # type: ignore[misc]  # made while it runs
    return field.loose_type() if mode == "stored" else field.wire_type()


def _reference(child: CompiledDocument, pending: dict[str, CompiledDocument]) -> ForwardRef:
    name = f"_{id(child)}"  # not the class's own name, which may be any text
    pending[name] = child
    return ForwardRef(name)
