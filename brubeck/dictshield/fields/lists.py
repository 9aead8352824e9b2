"""Fields of lists: in their own order, or sorted whenever they go out."""

from __future__ import annotations

import copy
from contextlib import suppress
from functools import cached_property
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from brubeck import green
from brubeck.dictshield.base import (
    USER_CODE_ERRORS,
    InvalidShield,
    ShieldException,
    child_pointer,
    shown,
)
from brubeck.dictshield.field import BaseField
from brubeck.dictshield.limits import Faults, TooManyFaults
from brubeck.dictshield.mixed import Kinds, Unread, alternatives, document_kind
from brubeck.dictshield.structs import is_struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self, Unpack

    from brubeck.dictshield.field import FieldOptions

E = TypeVar("E")

_BAD: Final = object()
"""The result for an item that no kind accepts."""


class ListField(BaseField[list[E]]):
    """A list with items that are valid for the given field, or for one of several.

    No field at all (an empty list of them) accepts any item. A document without a value gets an
    empty list.
    """

    kind = "list"
    takes_blank = False
    typed_in_c = True
    jsonschema_types: tuple[str, ...] = ("array",)
    jsonschema_formats: tuple[str | None, ...] = (None,)

    @overload
    def __init__(
        self,
        fields: BaseField[E],
        primary_embedded: BaseField[Any] | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: ListField[Any],
        fields: Sequence[BaseField[Any]],
        primary_embedded: BaseField[Any] | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        fields: BaseField[Any] | Sequence[BaseField[Any]],
        primary_embedded: BaseField[Any] | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        options.setdefault("default", list)
        super().__init__(**options)
        self.fields = self._checked(fields)
        self.primary_embedded = primary_embedded
        if len(self.fields) < 2:
            self.item_field = self.fields[0] if self.fields else BaseField()
        self.converts = self.item_field is None
        self.item_kind = self.item_field.kind if self.item_field else "any"

    @staticmethod
    def _checked(fields: Any) -> list[BaseField[Any]]:
        found = [fields] if isinstance(fields, BaseField) else fields
        if not isinstance(found, list | tuple) or not all(isinstance(f, BaseField) for f in found):
            raise InvalidShield(
                "Argument to ListField constructor must be a valid field or list of valid fields"
            )
        return list(found)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> list[E]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        value = super().__get__(instance, owner)
        if instance is not None and value:
            if type(value) is Unread:
                value = value.native()
                setattr(instance.__data__, self.field_name, value)
            self.wrap(value)
        return value

    def native_items(self, items: Any) -> list[Any]:
        """Return decoded items of several kinds as native values."""
        try:
            return [self._restore_one_of(item) for item in green.fairly(items)]
        except (ShieldException, *USER_CODE_ERRORS):
            return list(items)

    def wrap(self, items: Any) -> None:
        """Put documents around bare structs, in place; a list has nothing else, or none of them."""
        if not isinstance(items, list):
            return
        if isinstance(self.item_field, ListField):
            for at, inner in enumerate(green.fairly(items)):
                if type(inner) is Unread:
                    items[at] = inner.native()
                else:
                    self.item_field.wrap(inner)
        elif items and is_struct(items[0]):
            document = self.fields[0].embedded_type
            items[:] = [document.__around__(item) for item in green.fairly(items)]

    def set_owner(self, owner: type) -> None:
        """Note the document class, for the items' fields too, which become this field's own."""
        super().set_owner(owner)
        self.fields = [copy.copy(field) for field in self.fields]
        vars(self).pop("_kinds", None)
        for field in self.fields:
            field.set_owner(owner)
        if len(self.fields) == 1:
            self.item_field = self.fields[0]

    def parts(self) -> Iterator[BaseField[Any]]:
        """Yield this field and those of its items."""
        yield self
        for field in self.fields or filter(None, [self.item_field]):
            yield from field.parts()

    def adopt(self, value: Any) -> Any:
        """Return a list of converted items; of several kinds, only documents are converted."""
        if not isinstance(value, list | tuple):
            return value
        adopt = self._adopt_one_of if self.item_field is None else self.item_field.adopt
        return [adopt(item) for item in green.fairly(value)]

    def _adopt_one_of(self, item: Any) -> Any:
        """Return a dictionary as a valid document of one of the classes, else of the first."""
        if not isinstance(item, dict):
            return item
        with suppress(RecursionError):  # `validate` will say that it is nested too deeply
            native = self._attempt(item, Faults(), "refuse")
            if native is not _BAD:
                return native
        documents = (field for field in self.fields if field.embedded_type is not None)
        first = self.primary_embedded or next(documents, None)
        return item if first is None else first.adopt(item)

    def restore(self, stored: Any) -> Any:
        """Return a stored list of several kinds with each item as its kind has it.

        Where C has read the items they become native values only when somebody looks at them.
        """
        if alternatives(self) and dict not in set(map(type, stored)):
            return Unread(stored, self)
        return [self._restore_one_of(item) for item in green.fairly(stored)]

    def _restore_one_of(self, item: Any) -> Any:
        if is_struct(item):
            kind = document_kind(self.fields)
            return item if kind is None else kind.embedded_type.__around__(item)
        if isinstance(item, dict):
            return self._adopt_one_of(item)
        native = self._attempt(item, Faults(), "refuse")
        return item if native is _BAD else native

    def require_type(self, native: Any) -> None:
        """Raise unless it is a list or a tuple."""
        if not isinstance(native, list | tuple):
            raise self.fault("Only lists and tuples may be used in a list field", native)

    def conform(self, native: Any) -> None:
        """Raise for the first item that no field of the list takes."""
        for index, item in enumerate(green.fairly(native)):
            faults = Faults(most=inf)
            self._accept_item(item, child_pointer(self._pointer(), index), faults, "drop")
            if faults:
                raise faults[0]

    def accept(self, value: Any, place: str, faults: Faults, rogue: str) -> Any:
        """Return the native list; every bad item is named."""
        if not isinstance(value, list | tuple):
            reason = "Only lists and tuples may be used in a list field"
            faults.append(ShieldException(reason, self.field_name, value, pointer=place))
            return None
        before = len(faults)
        native = [
            self._accept_item(item, f"{place}/{index}", faults, rogue)
            for index, item in enumerate(green.fairly(value))
        ]
        return native if len(faults) > before else self._accept_whole(native, place, faults)

    def _accept_whole(self, native: list[Any], place: str, faults: Faults) -> Any:
        try:
            self.conform_choice(native)
            if self.own_validate:
                self.validate(native)
        except (ShieldException, *USER_CODE_ERRORS) as error:
            faults.extend(self.relocated(error, place, native))
        return native

    def _accept_item(self, item: Any, place: str, faults: Faults, rogue: str) -> Any:
        if self.item_field is not None:
            return self.item_field.accept(item, place, faults, rogue)
        known = (id(self), id(item), rogue)
        if known not in faults.tried:
            faults.tried[known] = self._attempt(item, faults, rogue)
        if faults.tried[known] is _BAD:
            reason = "Invalid ListField item"
            faults.append(ShieldException(reason, self.field_name, item, pointer=place))
        return faults.tried[known]

    def _attempt(self, item: Any, faults: Faults, rogue: str) -> Any:
        """Return an item as the first kind that takes it whole, else that takes a part of it."""
        if hasattr(item, "__data__"):  # a document, of the first kind that could have it
            kinds = [kind for kind in [self.item_field_for(item)] if kind is not None]
        elif isinstance(item, dict):
            kinds = self._kinds.of_objects
            if (document := self._kinds.read_whole(item)) is not None:
                return document
        else:
            kinds = self._kinds.of_others
        for strictness in dict.fromkeys(("refuse", rogue) if isinstance(item, dict) else (rogue,)):
            for field in kinds:
                with suppress(TooManyFaults):
                    return field.accept(item, "", faults.attempt(), strictness)
        return _BAD

    @cached_property
    def _kinds(self) -> Kinds:
        return Kinds(self.fields)

    def wire_type(self) -> Any:
        """Return the type of a list of several kinds; one kind is compiled by its field."""
        return list[Any]

    @property
    def needs_check(self) -> bool:
        """Whether there is more to check than the items, which are checked one by one."""
        return self.item_field is None or super().needs_check

    def after_decoding(self, decoded: Any) -> Any:
        """Return the list when it is good as a whole; `accept` reads items of several kinds."""
        if self.item_field is None and decoded:
            if not alternatives(self):
                raise self.fault("Which field an item is for, C cannot say", decoded)
            return Unread(decoded, self)
        self.conform_choice(decoded)
        if self.own_validate:
            self.validate(decoded)
        return decoded

    def schema_terms(self) -> dict[str, Any]:
        """Return the schema of lists; one kind of items is described by its field."""
        terms: dict[str, Any] = {"type": "array"}
        if len(self.fields) > 1:
            terms["items"] = {"anyOf": [field.for_jsonschema() for field in self.fields]}
        return terms

    def for_output_format(self, output_format_method_name: str, value: Any) -> Iterator[Any]:
        """Yield each item through the named method of its field; as it is where it has none."""
        for item in green.fairly(self.arranged(value)):
            field = self.item_field_for(item)
            convert = None if field is None else getattr(field, output_format_method_name)
            yield item if convert is None else shown(item, convert)

    def item_field_for(self, item: Any) -> BaseField[Any] | None:
        """Return the only field, or the first of several with the item's native type, or None."""
        if self.item_field is None and is_struct(item):
            return document_kind(self.fields)
        return self.item_field or next((f for f in self.fields if _is_native(f, item)), None)

    def for_python(self, value: Any) -> list[Any]:
        """Return the items as ``to_python`` shows them."""
        return list(self.for_output_format("for_python", value))

    def for_json(self, value: Any) -> list[Any]:
        """Return the items as JSON has them."""
        return list(self.for_output_format("for_json", value))


class SortedListField(ListField[E]):
    """A list that is sorted whenever it goes out; ``ordering`` is the key to sort objects by."""

    jsonschema_types: tuple[str, ...] = ()
    jsonschema_formats: tuple[str | None, ...] = ()
    sorts = True

    def __init__(
        self,
        field: BaseField[E],
        ordering: str | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(field, **options)
        self._ordering = ordering

    def refuse_misuse(self) -> None:
        """Refuse an ``ordering`` that is no key."""
        super().refuse_misuse()
        if not isinstance(self._ordering, str | None):
            raise InvalidShield("ordering must be the name of a member.")

    def conform_choice(self, native: Any) -> None:
        """Raise also when the items cannot be put in order."""
        super().conform_choice(native)
        try:
            self._sorted(native)
        except (TypeError, LookupError):
            raise self.fault("These items cannot be sorted", native) from None

    def _sorted(self, items: Sequence[Any]) -> list[Any]:
        return sorted(items, key=None if self._ordering is None else itemgetter(self._ordering))

    def arranged(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return the items sorted; as they are where they cannot be."""
        try:
            return self._sorted(items)
        except (ArithmeticError, TypeError, LookupError):
            return items

    @property
    def needs_check(self) -> bool:
        """Always: C does not know whether items can be sorted."""
        return True


def _is_native(field: BaseField[Any], item: Any) -> bool:
    try:
        field.require_type(item)
    except ShieldException:
        return False
    return True
