"""The base of every field: its options, its place in a class, and the two ways of checking a value.

Rules:

- `validate` is DictShield's: it converts what can be converted and returns the native value. The
  constructor and assignment convert the same way, and keep what they cannot convert for
  ``validate()`` to name.
- `accept` is the careful reading of JSON or of plain Python values: a value must already have the
  field's type. It reports every fault with its place instead of stopping at the first.
- `wire_type` is the msgspec type that lets a subset of that through in C. What the type cannot
  express is in `needs_check`, and checked after decoding. Whatever C refuses, `accept` decides.

A custom field overrides `validate`, and `for_json` where the native value is not JSON.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from brubeck.dictshield.base import (
    USER_CODE_ERRORS,
    InvalidShield,
    ShieldException,
    child_pointer,
)
from brubeck.dictshield.field_options import FieldOptions, OptionChecker
from brubeck.dictshield.field_schema import SchemaWriter
from brubeck.dictshield.limits import fault_in, without_decimals

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from brubeck.dictshield.limits import Faults

__all__ = [
    "REQUIRED",
    "BaseField",
    "BaseFieldMetaClass",
    "DictFieldNotFound",
    "FieldOptions",
    "dictshield_fields",
]

T = TypeVar("T")

REQUIRED = "This field is required."

dictshield_fields: dict[tuple[str, str | None], type[BaseField[Any]]] = {}
"""The field for each JSON Schema (type, format)."""


BaseFieldMetaClass = type
"""The class of the field classes, which is nothing special any more."""


class DictFieldNotFound(InvalidShield):
    """A JSON Schema type or format without a field class."""


class BaseField(SchemaWriter, OptionChecker, Generic[T]):
    """A field of any JSON value, and the base class of all other fields."""

    kind: ClassVar[str] = "any"
    """The kind of a value in JSON: ``string``, ``integer``, ``number``, ``boolean``, ``datetime``
    (an RFC 3339 text), ``milliseconds`` (an integer), ``list``, ``object`` or ``any``."""
    item_kind: str | None = None
    """For a list, the kind of its items."""
    jsonschema_types: tuple[str, ...] = ()
    jsonschema_formats: tuple[str | None, ...] = ()
    needs_json: bool = False
    """Whether a native value must go through `for_json` before msgspec can write it."""
    takes_blank: ClassVar[bool] = True
    """Whether an empty text is a value, rather than a form's empty input."""
    sorts: ClassVar[bool] = False
    """Whether `arranged` does anything."""
    typed_in_c: ClassVar[bool] = False
    """Whether `wire_type` lets in only values that `require_type` would."""
    converts: bool = False
    """Whether a native value is of another type than the one msgspec decodes."""
    item_field: BaseField[Any] | None = None
    """For a list of one kind of items, their field."""
    owner_document: type | None = None
    own_validate: ClassVar[bool] = False
    """Whether `validate` is a user's own, so that no compiled type speaks for it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "jsonschema_types" in vars(cls) or "jsonschema_formats" in vars(cls):
            for kind in cls.jsonschema_types:
                for form in cls.jsonschema_formats:
                    dictshield_fields[kind, form] = cls
        if not cls.__module__.startswith("brubeck.dictshield."):
            cls.own_validate = cls.own_validate or "validate" in vars(cls)
            if not {"for_json", "for_python"}.isdisjoint(vars(cls)):
                cls.needs_json = True

    def __init__(
        self: BaseField[Any],
        uniq_field: str | None = None,
        field_name: str | None = None,
        required: bool = False,
        default: Any = None,
        id_field: bool = False,
        validation: Callable[[Any], Any] | None = None,
        choices: Container[Any] | None = None,
        description: str | None = None,
        minimized_field_name: str | None = None,
        example: Any = None,
        **unknown: Any,
    ) -> None:
        self.uniq_field = "_id" if id_field else uniq_field or field_name or ""
        self.field_name = field_name or ""
        self.required = required
        self.default = default
        self.validation = validation
        self.choices = choices
        self.id_field = id_field
        self.description = description
        self.example = example
        self.minimized_field_name = minimized_field_name
        self._unknown = unknown

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.field_name}>".replace(" >", ">")

    def item_field_for(
        self,
        item: Any,  # noqa: ARG002 - for lists of several kinds
    ) -> BaseField[Any] | None:
        """Return the field that an item of the value is for, if items have one."""
        return self.item_field

    def arranged(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return the items of a list in the order in which they go out."""
        return items

    # -- its place in a class ----------------------------------------------------------------

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T | None: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = getattr(instance.__data__, self.field_name)
        if value is None and self.default is not None:
            value = self.initial()
            setattr(instance.__data__, self.field_name, value)
        return value

    def __set__(self, instance: Any, value: T | None) -> None:
        missing = value is None or (value == "" and not self.takes_blank)
        native = self.initial() if missing else self.adopt(value)
        setattr(instance.__data__, self.field_name, native)

    def initial(self) -> Any:
        """Return the default, fresh for each call where it is a callable, a list or a dict."""
        default = self.default
        if default is None:
            return None
        if callable(default):
            return self.adopt(default())
        return default if isinstance(default, str | int | float) else copy.deepcopy(default)

    def filled(self) -> Any:
        """Return the default for a document that is being read; one that was made is checked."""
        native = self.initial()
        if native is not None and callable(self.default) and self._may_refuse_default:
            self.require_type(native)
            self.recheck(native)
        return native

    @property
    def _may_refuse_default(self) -> bool:
        own = self.choices is not None or self.validation is not None or self.own_validate
        return own or self.default not in (list, dict)

    def adopt(self, value: Any) -> Any:
        """Return the value that an assignment stores: converted where that is possible."""
        return value

    def placed(self, name: str, owner: type) -> Self:
        """Return a copy of this field as the class's member ``name``."""
        field = copy.copy(self)
        given = "" if field.uniq_field == field.field_name else field.uniq_field
        field.field_name = name
        field.uniq_field = "_id" if field.id_field else given or name
        field.set_owner(owner)
        return field

    def set_owner(self, owner: type) -> None:
        """Set the document class of this field."""
        self.owner_document = owner

    @property
    def embedded_type(self) -> Any:
        """The document class that a value belongs to; None for a field of plain values."""
        return None

    def parts(self) -> Iterator[BaseField[Any]]:
        """Yield this field and the fields inside it."""
        yield self

    # -- checking ----------------------------------------------------------------------------

    def validate(self, value: Any) -> Any:
        """Return the native value of one that may be converted; `ShieldException` if it is bad."""
        native = self.adopt(value)
        self.require_type(native)
        self.conform(native)
        return native

    def _validate(self, value: Any) -> Any:
        """Like `validate`, with ``choices`` and ``validation``, which see the native value."""
        native = self.validate(value)
        self.conform_choice(self.adopt(value))
        return native

    def check_given(self, value: Any) -> None:
        """Raise unless a value that somebody gives is good, once it is converted."""
        self._validate(value)

    def require_type(self, native: Any) -> None:
        """Raise unless a native value has the field's type."""
        fault = fault_in(native, depth=1)
        if fault is not None:
            raise ShieldException(
                fault[1], self.field_name, native, pointer=self._pointer() + fault[0]
            )

    def conform(self, native: Any) -> None:
        """Raise unless a native value keeps the field's own constraints."""

    def conform_choice(self, native: Any) -> None:
        """Raise unless a value is among the ``choices`` and the ``validation`` likes it."""
        if self.choices is not None and not self._chosen(native):
            raise self.fault(f"Value must be one of {self.choices}.", native)
        if self.validation is not None:
            try:
                liked = self.validation(native)
            except ShieldException:
                raise
            except USER_CODE_ERRORS as reason:
                raise self.fault("Invalid value", native) from reason
            if not liked:
                raise self.fault("Value does not match custom validation method.", native)

    def _chosen(self, native: Any) -> bool:
        try:
            return native in self.choices  # type: ignore[operator]  # asked where there are some
        except TypeError:  # an unhashable value against a set
            return False

    def fault(self, reason: str, value: object) -> ShieldException:
        """Return an error of this field with a message."""
        return ShieldException(reason, self.field_name, value, pointer=self._pointer())

    def _pointer(self) -> str:
        return child_pointer("", self.uniq_field or None)

    # -- reading JSON ------------------------------------------------------------------------

    def accept(
        self,
        value: Any,
        place: str,
        faults: Faults,
        rogue: str,  # noqa: ARG002 - for embedded documents
    ) -> Any:
        """Return the native value of a JSON value that must have the field's type already.

        Adds what is wrong to ``faults``, each with its pointer below ``place``. ``rogue`` is
        ``refuse`` or ``drop``, for keys that no field of an embedded document has.
        """
        try:
            native = self.from_builtin(value)
            self.recheck(native)
        except (ShieldException, *USER_CODE_ERRORS) as error:
            faults.extend(self.relocated(error, place, value))
            return None
        return native

    def relocated(self, error: Exception, place: str, value: object) -> Iterator[ShieldException]:
        """Yield the faults of this field's value at ``place`` that an error of a check reports."""
        if not isinstance(error, ShieldException):
            yield ShieldException("Invalid value", self.field_name, value, pointer=place)
            return
        own = self._pointer()
        if type(error) is ShieldException and error.pointer == own:  # nearly every error
            if self.own_validate or self.validation is not None:  # it may be raised again
                error = ShieldException(error.reason, self.field_name, value, pointer=place)
            error.field_value, error.pointer = value, place
            yield error.with_traceback(None)  # whose frames hold much
            return
        for pointer, reason in error.errors:
            rest = pointer[len(own) :] if own and pointer.startswith(own) else ""
            yield ShieldException(reason, self.field_name, value, pointer=place + rest)

    def from_builtin(self, value: Any) -> Any:
        """Return the native value of a JSON value; raise when it is of another type."""
        plain = without_decimals(value)
        self.require_type(plain)
        return plain

    def recheck(self, native: Any) -> None:
        """Raise unless a native value keeps every constraint of the field."""
        self.conform_choice(native)
        if self.own_validate:
            self.validate(native)
        else:
            self.conform(native)

    # -- compiling ---------------------------------------------------------------------------

    def wire_type(self) -> Any:
        """Return the msgspec type of good values, as narrow as it can be made."""
        return Any

    def loose_type(self) -> Any:
        """Return the msgspec type of stored values: the same without constraints."""
        return self.wire_type()

    @property
    def has_default(self) -> bool:
        """Whether a value that is missing is filled in."""
        return self.default is not None

    @property
    def lets_none_pass(self) -> bool:
        """Whether the field is required, and its type or its default may still give None."""
        return self.required and (self.has_default or not self.typed_in_c)

    @property
    def needs_check(self) -> bool:
        """Whether a decoded value must still go through `after_decoding`."""
        own = self.own_validate or self.converts or not self.typed_in_c
        return own or self.choices is not None or self.validation is not None

    def restore(self, stored: Any) -> Any:
        """Return the native value of a decoded one, unchecked; only where ``converts`` says so."""
        return stored

    def after_decoding(self, decoded: Any) -> Any:
        """Return the native value of one that C let through; raise unless it is good."""
        native = self.restore(decoded) if self.converts else decoded
        if not self.typed_in_c:
            self.require_type(native)
        self.recheck(native)
        return native

    # -- shaping -----------------------------------------------------------------------------

    def for_python(self, value: Any) -> Any:
        """Return a native value as ``to_python`` shows it."""
        return value

    def for_json(self, value: Any) -> Any:
        """Return a native value as JSON has it."""
        return self.for_python(value)

    def lookup_member(self, member_name: str) -> BaseField[Any] | None:  # noqa: ARG002 - no members
        """Return the field of a member of the value, if it has fields."""
        return None
