"""Fields of numbers: whole ones within ±2^63, finite floats, and decimals that stay exact."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, overload

import msgspec

from brubeck.canonical import LEAST, MOST, OUT_OF_RANGE, scalar_fault
from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.field import BaseField

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from brubeck.dictshield.field import FieldOptions

N = TypeVar("N")

_LARGEST: Final = sys.float_info.max
DECIMAL_DIGITS: Final = 34
DECIMAL_EXPONENT: Final = 6144


class JsonNumberMixin(BaseField[N]):
    """A number with ``min_value`` and ``max_value``, both allowed themselves."""

    kind = "number"
    takes_blank = False
    typed_in_c = True
    number_type = "Number"
    min_value: Any = None
    max_value: Any = None

    def refuse_misuse(self) -> None:
        """Refuse bounds that are no numbers, or the wrong way round."""
        super().refuse_misuse()
        bounds = [bound for bound in (self.min_value, self.max_value) if bound is not None]
        for bound in bounds:
            if not _is_bound(bound):
                raise InvalidShield("min_value and max_value must be finite numbers.")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise InvalidShield("min_value is more than max_value.")

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of numbers between the bounds."""
        terms: dict[str, Any] = {"type": "integer" if self.kind != "number" else "number"}
        if self.min_value is not None:
            terms["minimum"] = plain_number(self.min_value)
        if self.max_value is not None:
            terms["maximum"] = plain_number(self.max_value)
        return terms

    def conform(self, native: Any) -> None:
        """Raise for a number beyond the bounds."""
        if self.min_value is not None and native < self.min_value:
            raise self.fault(f"{self.number_type} value below min_value: {self.min_value}", native)
        if self.max_value is not None and native > self.max_value:
            raise self.fault(f"{self.number_type} value above max_value: {self.max_value}", native)


class NumberField(JsonNumberMixin[N]):
    """A number; without a ``number_class`` whole or not, and kept as it came.

    ``number_class`` converts what is assigned, ``number_type`` is its name in messages.
    """

    jsonschema_types: tuple[str, ...] = ("number",)
    jsonschema_formats: tuple[str | None, ...] = (None,)

    @overload
    def __init__(
        self: NumberField[Any],
        number_class: None = None,
        number_type: str = ...,
        min_value: float | None = ...,
        max_value: float | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        number_class: Callable[[Any], N],
        number_type: str = ...,
        min_value: float | None = ...,
        max_value: float | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        number_class: Callable[[Any], N] | None = None,
        number_type: str = "Number",
        min_value: float | None = None,
        max_value: float | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(**options)
        self.number_class = number_class
        self.number_type = number_type
        self.min_value = min_value
        self.max_value = max_value

    def refuse_misuse(self) -> None:
        """Refuse a ``number_class`` that makes nothing."""
        super().refuse_misuse()
        if self.number_class is not None and not callable(self.number_class):
            raise InvalidShield("number_class must be a callable.")

    def adopt(self, value: Any) -> Any:
        """Return the number of the field's class, if it can be made."""
        if self.number_class is None or isinstance(value, bool):
            return value
        if isinstance(self.number_class, type) and isinstance(value, self.number_class):
            return value
        try:
            return self.number_class(value)
        except (TypeError, ValueError, OverflowError):
            return value

    def require_type(self, native: Any) -> None:
        """Raise unless it is a number that can be stored."""
        if isinstance(native, bool) or not isinstance(native, int | float):
            raise self.fault(f"Not {self.number_type}", native)
        fault = scalar_fault(native)
        if fault is not None:
            raise self.fault(fault, native)

    def from_builtin(self, value: Any) -> Any:
        """Return the number that JSON has."""
        native = float(value) if isinstance(value, Decimal) else value
        self.require_type(native)
        return native

    def wire_type(self) -> Any:
        """Return the type of whole and real numbers within the bounds."""
        return _whole(self) | _real(self)

    def loose_type(self) -> Any:
        """Return the type of all numbers."""
        return int | float

    @property
    def needs_check(self) -> bool:
        """Whether C cannot compare with the bounds exactly, or there is more to check."""
        bounds = (self.min_value or 0, self.max_value or 0)
        return super().needs_check or any(float(bound) != bound for bound in bounds)

    def for_python(self, value: Any) -> Any:
        """Return the value as its number class makes it."""
        return value if self.number_class is None else self.number_class(value)


class IntField(NumberField[int]):
    """A whole number within ±2^63."""

    kind = "integer"
    jsonschema_types: tuple[str, ...] = ("integer",)
    jsonschema_formats: tuple[str | None, ...] = (None,)
    _type_name = "Int"

    def __init__(
        self,
        min_value: float | None = None,
        max_value: float | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(int, self._type_name, min_value, max_value, **options)

    def require_type(self, native: Any) -> None:
        """Raise unless it is a whole number that can be stored."""
        if isinstance(native, bool) or not isinstance(native, int):
            raise self.fault(f"Not {self.number_type}", native)
        super().require_type(native)

    def from_builtin(self, value: Any) -> Any:
        """Return the whole number that JSON has; 5.0 is none."""
        if isinstance(value, Decimal):
            huge = value.is_infinite() or value.as_tuple().exponent == 0
            raise self.fault(OUT_OF_RANGE if huge else f"Not {self.number_type}", value)
        return super().from_builtin(value)

    def wire_type(self) -> Any:
        """Return the type of whole numbers within the bounds."""
        return _whole(self)

    def loose_type(self) -> Any:
        """Return the type of whole numbers."""
        return int


class LongField(IntField):
    """A whole number within ±2^63; Python 3 has one kind of them, so an `IntField`."""

    _type_name = "Long"


class FloatField(NumberField[float]):
    """A finite number in double precision."""

    jsonschema_types: tuple[str, ...] = ("number",)
    jsonschema_formats: tuple[str | None, ...] = ("double", "float")

    def __init__(
        self,
        min_value: float | None = None,
        max_value: float | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(float, "Float", min_value, max_value, **options)

    def from_builtin(self, value: Any) -> Any:
        """Return the float of any JSON number."""
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise self.fault("Not Float", value)
        try:
            return super().from_builtin(float(value))
        except OverflowError:
            raise self.fault(OUT_OF_RANGE, value) from None

    def wire_type(self) -> Any:
        """Return the type of finite floats within the bounds."""
        return _real(self)

    def loose_type(self) -> Any:
        """Return the type of floats."""
        return float


class DecimalField(JsonNumberMixin[Decimal]):
    """An exact decimal number, text in JSON; a JSON number is read digit by digit.

    At most 34 digits and an exponent within ±6144 (IEEE 754 decimal128), which every database
    that has decimals can keep.
    """

    number_type = "Decimal"
    jsonschema_types: tuple[str, ...] = ("string",)
    jsonschema_formats: tuple[str | None, ...] = ("decimal",)
    typed_in_c = False

    def __init__(
        self,
        min_value: float | Decimal | None = None,
        max_value: float | Decimal | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(**options)
        self.min_value = min_value
        self.max_value = max_value

    def __set__(self, instance: Any, value: Decimal | float | str | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]  # it is converted

    def adopt(self, value: Any) -> Any:
        """Return a number or its text as a Decimal."""
        if isinstance(value, bool | Decimal) or not isinstance(value, int | float | str):
            return value
        try:
            return Decimal(str(value))
        except (InvalidOperation, ValueError):
            return value

    def require_type(self, native: Any) -> None:
        """Raise unless it is a Decimal that decimal128 can hold."""
        if not isinstance(native, Decimal):
            raise self.fault("Could not convert to decimal", native)
        if not native.is_finite() or len(native.as_tuple().digits) > DECIMAL_DIGITS:
            raise self.fault(OUT_OF_RANGE, native)
        if abs(native.adjusted()) > DECIMAL_EXPONENT:
            raise self.fault(OUT_OF_RANGE, native)

    def from_builtin(self, value: Any) -> Any:
        """Return the Decimal of a JSON number or text."""
        native = self.adopt(value)
        self.require_type(native)
        return native

    def wire_type(self) -> Any:
        """Return the type of decimals; how long they are is checked after decoding."""
        return Decimal

    def for_python(self, value: Any) -> Any:
        """Return the value as a Decimal."""
        return self.adopt(value)

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of numbers, or of their text, which is how they are written."""
        return {**super().schema_terms(), "type": ["string", "number"], "format": "decimal"}

    def for_json(self, value: Any) -> str:
        """Return the number as text, which loses nothing."""
        return str(value)


def plain_number(bound: float | Decimal) -> float:
    """Return a bound as JSON has it."""
    return float(bound) if isinstance(bound, Decimal) else bound


def _is_bound(bound: object) -> bool:
    if isinstance(bound, bool) or not isinstance(bound, int | float | Decimal):
        return False
    try:
        return isfinite(bound)
    except (OverflowError, ValueError):  # too large for a float, or a signaling NaN
        return False


def _whole(field: NumberField[Any]) -> Any:
    """Return the msgspec type of whole numbers between a field's bounds."""
    least = LEAST if field.min_value is None else ceil(field.min_value)
    most = MOST if field.max_value is None else floor(field.max_value)
    return Annotated[int, msgspec.Meta(ge=_held(least), le=_held(most))]


def _held(bound: int) -> int:
    return min(max(bound, LEAST), MOST)


def _real(field: NumberField[Any]) -> Any:
    """Return the msgspec type of finite floats between a field's bounds."""
    least = -_LARGEST if field.min_value is None else float(field.min_value)
    most = _LARGEST if field.max_value is None else float(field.max_value)
    return Annotated[float, msgspec.Meta(ge=least, le=most)]
