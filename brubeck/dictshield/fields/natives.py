"""Fields of the other plain values: booleans, dictionaries and points on the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.field import BaseField

if TYPE_CHECKING:
    from typing import Self, Unpack

    from brubeck.dictshield.field import FieldOptions


class BooleanField(BaseField[bool]):
    """True or false, and nothing that merely looks like it."""

    kind = "boolean"
    takes_blank = False
    typed_in_c = True
    jsonschema_types: tuple[str, ...] = ("boolean",)
    jsonschema_formats: tuple[str | None, ...] = (None,)

    def require_type(self, native: Any) -> None:
        """Raise unless it is a boolean."""
        if not isinstance(native, bool):
            raise self.fault("Not a boolean", native)

    def wire_type(self) -> Any:
        """Return the type of booleans."""
        return bool

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of booleans."""
        return {"type": "boolean"}

    def for_python(self, value: Any) -> bool:
        """Return the value as a boolean."""
        return bool(value)


class DictField(BaseField[dict[str, Any]]):
    """An object of any members; a key has no ``.`` and no ``$``, which MongoDB keeps to itself.

    ``basecls`` is the field of a member where one is asked for. A document without a value gets
    an empty dictionary.
    """

    kind = "object"
    takes_blank = False
    jsonschema_types: tuple[str, ...] = ("object",)
    jsonschema_formats: tuple[str | None, ...] = ("free",)

    def __init__(
        self, basecls: type[BaseField[Any]] | None = None, **options: Unpack[FieldOptions]
    ) -> None:
        options.setdefault("default", dict)
        super().__init__(**options)
        self.basecls = BaseField if basecls is None else basecls

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> dict[str, Any]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return super().__get__(instance, owner)

    def refuse_misuse(self) -> None:
        """Refuse a ``basecls`` that is no class of fields."""
        super().refuse_misuse()
        given: Any = self.basecls
        if not (isinstance(given, type) and issubclass(given, BaseField)):
            raise InvalidShield("basecls must be a class of fields.")

    def require_type(self, native: Any) -> None:
        """Raise unless it is a dictionary of JSON values."""
        if not isinstance(native, dict):
            raise self.fault("Only dictionaries may be used in a DictField", native)
        super().require_type(native)

    def conform(self, native: Any) -> None:
        """Raise for a key that MongoDB would misread."""
        if any("." in key or "$" in key for key in native):
            reason = 'Invalid dictionary key name - keys may not contain "." or "$" characters'
            raise self.fault(reason, native)

    def wire_type(self) -> Any:
        """Return the type of objects; their members are checked after decoding."""
        return dict[str, Any]

    def schema_terms(self) -> dict[str, Any]:
        """Return the JSON Schema keywords of objects with keys that MongoDB accepts."""
        return {"type": "object", "propertyNames": {"pattern": "^[^.$]*$"}}

    def lookup_member(self, member_name: str) -> BaseField[Any]:
        """Return a field for the member."""
        return self.basecls(uniq_field=member_name)


class GeoPointField(BaseField[Any]):
    """A latitude and a longitude: a list of two numbers, or an object of two."""

    kind = "list"
    item_kind = "number"
    takes_blank = False

    def require_type(self, native: Any) -> None:
        """Raise unless it is two numbers."""
        if not isinstance(native, list | tuple | dict):
            reason = "Only tuples, lists of (x, y) or dicts of {k1: v1, k2: v2} are points"
            raise self.fault(reason, native)
        if len(native) != 2:
            raise self.fault("Value must be a two-dimensional point", native)
        for number in native.values() if isinstance(native, dict) else native:
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise self.fault("Both values in point must be float or int", native)
        super().require_type(native)

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of two numbers."""
        number = {"type": "number"}
        return {
            "type": ["array", "object"],
            "items": number,
            "minItems": 2,
            "maxItems": 2,
            "additionalProperties": number,
            "minProperties": 2,
            "maxProperties": 2,
        }
