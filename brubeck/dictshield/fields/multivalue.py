"""The field of a dictionary that has a list of values for each key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from brubeck.dictshield.datastructures import MultiValueDict
from brubeck.dictshield.fields.natives import DictField

if TYPE_CHECKING:
    from typing import Self, Unpack

    from brubeck.dictshield.field import BaseField, FieldOptions


class MultiValueDictField(DictField):
    """A dictionary with a list of values for each key; JSON has the lists."""

    jsonschema_types: tuple[str, ...] = ()
    converts = True

    def __init__(
        self, basecls: type[BaseField[Any]] | None = None, **options: Unpack[FieldOptions]
    ) -> None:
        options.setdefault("default", MultiValueDict)
        super().__init__(basecls, **options)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> MultiValueDict: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return super().__get__(instance, owner)

    def adopt(self, value: Any) -> Any:
        """Return a dictionary of lists as a `MultiValueDict`."""
        if isinstance(value, MultiValueDict) or not isinstance(value, dict):
            return value
        return MultiValueDict(value)

    def require_type(self, native: Any) -> None:
        """Raise unless it is a dictionary of lists."""
        if not isinstance(native, dict):
            reason = "Only dictionaries or MultiValueDict may be used in a DictField"
            raise self.fault(reason, native)
        lists = dict(dict.items(native))
        if not all(isinstance(values, list) for values in lists.values()):
            raise self.fault("Each key of a MultiValueDict must have a list of values", native)
        super().require_type(lists)

    def from_builtin(self, value: Any) -> Any:
        """Return the `MultiValueDict` of an object of lists."""
        plain = dict(value.lists()) if isinstance(value, MultiValueDict) else value
        return self.adopt(super().from_builtin(plain))

    def restore(self, stored: Any) -> Any:
        """Return the `MultiValueDict` of a decoded object."""
        return self.adopt(stored)

    def for_json(self, value: Any) -> dict[str, list[Any]]:
        """Return the lists."""
        return dict(value.lists()) if isinstance(value, MultiValueDict) else value

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of objects of lists."""
        return {**super().schema_terms(), "additionalProperties": {"type": "array"}}
