"""Checking a dictionary against a class, whole or in part, without making a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from brubeck.dictshield.base import USER_CODE_ERRORS, ShieldException, child_pointer
from brubeck.dictshield.field import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.field import BaseField

OVERWRITE = "Overwrite of internal fields attempted"


class ClassChecks:
    """The checks of a document class for dictionaries of user input.

    Values are checked as assignment would convert them. Internal and private fields are not the
    user's to set, unless to their default. Keys that no field has are removed from the dictionary.
    """

    __slots__ = ()
    __compiled__: ClassVar[Compiled]

    @classmethod
    def validate_class_fields(cls, values: dict[str, Any], validate_all: bool = False) -> Any:
        """Return True when the dictionary would make a whole document.

        Raises `ShieldException` for the first fault; with ``validate_all`` it raises nothing and
        returns the list of all faults instead.
        """
        return cls._check_values(values, validate_all, whole=True)

    @classmethod
    def validate_class_partial(cls, values: dict[str, Any], validate_all: bool = False) -> Any:
        """Return True when the dictionary's values are valid, though more may be required.

        Faults are reported as by `validate_class_fields`.
        """
        return cls._check_values(values, validate_all, whole=False)

    @classmethod
    def _check_values(cls, values: dict[str, Any], validate_all: bool, *, whole: bool) -> Any:
        faults = []
        for fault in cls._faults_of(values, whole):
            if not validate_all:
                raise fault
            faults.append(fault)
        known = cls.__compiled__.names
        for key in [key for key in values if key not in known and key not in known.values()]:
            del values[key]
        return faults if validate_all else True

    @classmethod
    def _faults_of(cls, values: dict[str, Any], whole: bool) -> Iterator[ShieldException]:
        internal: set[str] = cls._get_internal_fields()  # type: ignore[attr-defined]  # the document's
        for name, field in cls.__compiled__.fields.items():
            found = [key for key in _keys(name, field) if key in values]
            value = values[found[0]] if found else None
            if found and found[0] in internal:
                if value is not field.default:
                    yield ShieldException(OVERWRITE, name, value)
            elif value is None or (isinstance(value, str) and not value.strip()):
                if whole and field.required:
                    yield ShieldException(REQUIRED, name, value, pointer=child_pointer("", name))
            else:
                yield from _fault_of(field, value)


def _keys(name: str, field: BaseField[Any]) -> tuple[str, ...]:
    """Return the keys under which input may have a field."""
    if name == "id":
        return "id", "_id"
    return tuple(filter(None, (name, field.uniq_field, field.minimized_field_name)))


def _fault_of(field: BaseField[Any], value: Any) -> Iterator[ShieldException]:
    try:
        field.check_given(value)
    except ShieldException as fault:
        yield fault
    except USER_CODE_ERRORS:
        yield field.fault("Invalid value", value)
