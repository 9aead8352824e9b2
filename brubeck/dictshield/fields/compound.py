"""Fields made of other fields: lists, embedded documents and dictionaries of lists."""

from __future__ import annotations

import sys
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

from brubeck.dictshield.base import InvalidShield, ShieldException, child_pointer
from brubeck.dictshield.datastructures import MultiValueDict
from brubeck.dictshield.field import USER_CODE_ERRORS, BaseField
from brubeck.dictshield.fields.natives import DictField
from brubeck.dictshield.structure import BaseDocument, EmbeddedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self, Unpack

    from brubeck.dictshield.field import FieldOptions

__all__ = [
    "RECURSIVE_REFERENCE_CONSTANT",
    "EmbeddedDocumentField",
    "ListField",
    "MultiValueDictField",
    "SortedListField",
]

RECURSIVE_REFERENCE_CONSTANT = "self"

E = TypeVar("E")
D = TypeVar("D", bound=BaseDocument)


class ListField(BaseField[list[E]]):
    """A list whose every item is good for the field given, or for one of several.

    No field at all (an empty list of them) lets any item in. A document without a value gets an
    empty list.
    """

    kind = "list"
    typed_in_c = True
    jsonschema_types: tuple[str, ...] = ("array",)
    jsonschema_formats: tuple[str | None, ...] = (None,)

    def __init__(
        self,
        fields: BaseField[E] | Sequence[BaseField[E]],
        primary_embedded: BaseField[Any] | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        options.setdefault("default", list)
        super().__init__(**options)
        self.fields = self._checked(fields)
        self.primary_embedded = primary_embedded
        self.item_field = self.fields[0] if len(self.fields) == 1 else None
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
        if instance is not None and value and isinstance(value[0], msgspec.Struct):
            document = self.fields[0].embedded_type
            value[:] = [document.__around__(item) for item in value]
        return value

    def set_owner(self, owner: type) -> None:
        """Note the document class, for the items' fields too."""
        super().set_owner(owner)
        for field in self.fields:
            field.set_owner(owner)

    def parts(self) -> Iterator[BaseField[Any]]:
        """Yield this field and those of its items."""
        yield self
        for field in self.fields:
            yield from field.parts()

    def adopt(self, value: Any) -> Any:
        """Return a list, with documents made of dictionaries where documents belong."""
        if not isinstance(value, list | tuple):
            return value
        documents = [field for field in self.fields if field.embedded_type is not None]
        if not documents:
            return list(value) if isinstance(value, tuple) else value
        first = self.primary_embedded or documents[0]
        return [first.adopt(item) for item in value]

    def require_type(self, native: Any) -> None:
        """Raise unless it is a list or a tuple."""
        if not isinstance(native, list | tuple):
            raise self.fault("Only lists and tuples may be used in a list field", native)

    def conform(self, native: Any) -> None:
        """Raise for the first item that no field of the list takes."""
        faults: list[ShieldException] = []
        for index, item in enumerate(native):
            self._accept_item(item, child_pointer(self._pointer(), index), faults, "drop", True)
            if faults:
                raise faults[0]

    def accept(self, value: Any, place: str, faults: list[ShieldException], rogue: str) -> Any:
        """Return the native list; every bad item is named."""
        if not isinstance(value, list | tuple):
            reason = "Only lists and tuples may be used in a list field"
            faults.append(ShieldException(reason, self.field_name, value, pointer=place))
            return None
        before = len(faults)
        native = [
            self._accept_item(item, child_pointer(place, index), faults, rogue, False)
            for index, item in enumerate(value)
        ]
        return native if len(faults) > before else self._accept_whole(native, place, faults)

    def _accept_whole(self, native: list[Any], place: str, faults: list[ShieldException]) -> Any:
        try:
            self.conform_choice(native)
            if self.own_validate:
                self.validate(native)
        except ShieldException as error:
            faults.extend(self._relocated(error, place, native))
        except USER_CODE_ERRORS:
            faults.append(ShieldException("Invalid value", self.field_name, native, pointer=place))
        return native

    def _accept_item(
        self, item: Any, place: str, faults: list[ShieldException], rogue: str, lax: bool
    ) -> Any:
        if not self.fields:
            return BaseField[Any]().accept(item, place, faults, rogue)
        tried: list[ShieldException] = []
        for field in self.fields:
            tried = []
            given = field.adopt(item) if lax else item
            native = field.accept(given, place, tried, rogue)
            if not tried:
                return native
        if len(self.fields) > 1:
            tried = [
                ShieldException("Invalid ListField item", self.field_name, item, pointer=place)
            ]
        faults.extend(tried)
        return None

    def wire_type(self) -> Any:
        """Return the type of a list of several kinds; one kind is compiled by its field."""
        return list[Any]

    @property
    def needs_check(self) -> bool:
        """Whether there is more to check than the items, which are checked one by one."""
        return self.item_field is None or super().needs_check

    def after_decoding(self, decoded: Any) -> Any:
        """Return the list when it is good as a whole."""
        if self.item_field is None:
            self.conform(decoded)
        self.conform_choice(decoded)
        if self.own_validate:
            self.validate(decoded)
        return decoded

    def for_output_format(self, output_format_method_name: str, value: Any) -> Iterator[Any]:
        """Yield each item through the named method of the first field that can take it."""
        for item in value:
            for field in self.fields or [BaseField[Any]()]:
                try:
                    yield getattr(field, output_format_method_name)(item)
                except (ValueError, TypeError, AttributeError):
                    continue
                break

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
    needs_json = True

    def __init__(
        self,
        field: BaseField[E] | Sequence[BaseField[E]],
        ordering: str | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(field, **options)
        self._ordering = ordering

    def _sorted(self, items: list[Any]) -> list[Any]:
        return sorted(items, key=None if self._ordering is None else itemgetter(self._ordering))

    def conform_choice(self, native: Any) -> None:
        """Raise also when the items cannot be put in order."""
        super().conform_choice(native)
        try:
            self._sorted(native)
        except (TypeError, LookupError):
            raise self.fault("These items cannot be sorted", native) from None

    @property
    def needs_check(self) -> bool:
        """Always: C does not know whether items can be sorted."""
        return True

    def for_python(self, value: Any) -> list[Any]:
        """Return the items sorted, as ``to_python`` shows them."""
        return self._sorted(super().for_python(value))

    def for_json(self, value: Any) -> list[Any]:
        """Return the items sorted, as JSON has them."""
        return self._sorted(super().for_json(value))


class EmbeddedDocumentField(BaseField[D]):
    """A document in a document: an `EmbeddedDocument` class, its name, or ``'self'``."""

    kind = "object"
    typed_in_c = True
    jsonschema_types: tuple[str, ...] = ("object",)
    jsonschema_formats: tuple[str | None, ...] = (None,)

    def __init__(self, document_type: type[D] | str, **options: Unpack[FieldOptions]) -> None:
        super().__init__(**options)
        given: Any = document_type
        embeddable = isinstance(given, type) and issubclass(given, EmbeddedDocument)
        if not embeddable and not isinstance(given, str):
            raise InvalidShield(
                "Invalid embedded document class provided to an EmbeddedDocumentField"
            )
        self.document_type_obj: type[Any] | str = document_type

    @property
    def document_type(self) -> type[D]:
        """The class of the embedded document; looked up when it was given by name."""
        if isinstance(self.document_type_obj, str):
            self.document_type_obj = self._found(self.document_type_obj)
        return self.document_type_obj

    def _found(self, name: str) -> type[Any]:
        owner = self.owner_document
        if owner is None:
            raise InvalidShield(f'"{name}" can be looked up only from a field in a class.')
        if name == RECURSIVE_REFERENCE_CONSTANT:
            return owner
        found = getattr(sys.modules.get(owner.__module__), name, None)
        if not (isinstance(found, type) and issubclass(found, BaseDocument)):
            raise InvalidShield(f'{owner.__name__} embeds "{name}", which is no document there.')
        return found

    @property
    def embedded_type(self) -> Any:
        """The class of the embedded document."""
        return self.document_type

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> D | None: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        value = super().__get__(instance, owner)
        if isinstance(value, msgspec.Struct):
            value = self.document_type.__around__(value)
            setattr(instance.__data__, self.field_name, value)
        return value

    def __set__(self, instance: Any, value: D | dict[str, Any] | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]

    def adopt(self, value: Any) -> Any:
        """Return a dictionary as a document; anything else as it is."""
        return self.document_type(**value) if _is_values(value) else value

    def require_type(self, native: Any) -> None:
        """Raise unless it is a document of the right class."""
        if not isinstance(native, self.document_type):
            reason = "Invalid embedded document instance provided to an EmbeddedDocumentField"
            raise self.fault(reason, native)

    def conform(self, native: Any) -> None:
        """Raise the first fault of the embedded document."""
        try:
            native.validate()
        except ShieldException as error:
            raise error.under(self._pointer()) from None

    def accept(self, value: Any, place: str, faults: list[ShieldException], rogue: str) -> Any:
        """Return the embedded document; its own fields are named below ``place``."""
        before = len(faults)
        if isinstance(value, self.document_type):
            document: Any = value
            faults.extend(error.under(place) for error in value.__faults__())
        elif isinstance(value, dict):
            document = self.document_type.__accept__(value, place, faults, rogue)
        else:
            faults.append(ShieldException("Not an object", self.field_name, value, pointer=place))
        if len(faults) > before:
            return None
        try:
            self.conform_choice(document)
        except ShieldException as error:
            faults.extend(self._relocated(error, place, value))
        return document

    def after_decoding(self, decoded: Any) -> Any:
        """Return the document when it is good as a whole."""
        document = self.document_type.__around__(decoded)
        self.conform_choice(document)
        if self.own_validate:
            self.validate(document)
        return document

    def for_python(self, value: Any) -> Any:
        """Return the document as a dictionary."""
        return value.to_python()

    def for_json(self, value: Any) -> Any:
        """Return the document as JSON has it."""
        return value.to_json(encode=False)

    def lookup_member(self, member_name: str) -> BaseField[Any] | None:
        """Return the embedded document's field of that name."""
        return self.document_type.__compiled__.fields.get(member_name)


def _is_values(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


class MultiValueDictField(DictField):
    """A dictionary with a list of values for each key; JSON has the lists."""

    converts = True

    def __init__(
        self, basecls: type[BaseField[Any]] | None = None, **options: Unpack[FieldOptions]
    ) -> None:
        options.setdefault("default", MultiValueDict)
        super().__init__(basecls, **options)

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
        return self.adopt(super().from_builtin(value))

    def restore(self, stored: Any) -> Any:
        """Return the `MultiValueDict` of a decoded object."""
        return self.adopt(stored)

    def for_json(self, value: Any) -> dict[str, list[Any]]:
        """Return the lists."""
        return dict(value.lists()) if isinstance(value, MultiValueDict) else value
