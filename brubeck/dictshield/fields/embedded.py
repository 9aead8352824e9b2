"""The field of a document in a document."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar, overload

from brubeck.dictshield.base import USER_CODE_ERRORS, InvalidShield, ShieldException
from brubeck.dictshield.field import BaseField
from brubeck.dictshield.schema_writing import embedded_schema
from brubeck.dictshield.structs import is_struct
from brubeck.dictshield.structure import BaseDocument, EmbeddedDocument

if TYPE_CHECKING:
    from typing import Self, Unpack

    from brubeck.dictshield.field import FieldOptions
    from brubeck.dictshield.limits import Faults

RECURSIVE_REFERENCE_CONSTANT = "self"

D = TypeVar("D", bound=BaseDocument)


class EmbeddedDocumentField(BaseField[D]):
    """A document in a document: an `EmbeddedDocument` class, its name, or ``'self'``."""

    kind = "object"
    takes_blank = False
    typed_in_c = True
    embeddable = EmbeddedDocument
    jsonschema_types: tuple[str, ...] = ("object",)
    jsonschema_formats: tuple[str | None, ...] = (None,)

    @overload
    def __init__(self, document_type: type[D], **options: Unpack[FieldOptions]) -> None: ...
    @overload
    def __init__(
        self: EmbeddedDocumentField[Any], document_type: str, **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, document_type: type[Any] | str, **options: Unpack[FieldOptions]) -> None:
        super().__init__(**options)
        given: Any = document_type
        embeddable = isinstance(given, type) and issubclass(given, EmbeddedDocument)
        if not embeddable and not isinstance(given, str):
            raise InvalidShield(
                "Invalid embedded document class provided to an EmbeddedDocumentField"
            )
        self.document_type_obj: type[Any] | str = document_type
        self._found_type: type[Any] | None = None

    @property
    def document_type(self) -> type[D]:
        """The class of the embedded document; looked up when it was given by name."""
        if not isinstance(self.document_type_obj, str):
            return self.document_type_obj
        if self._found_type is None:
            self._found_type = self._found(self.document_type_obj)
        return self._found_type

    def set_owner(self, owner: type) -> None:
        """Note the document class, from which names are looked up."""
        super().set_owner(owner)
        self._found_type = None

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

    def schema_within(self, above: tuple[type, ...]) -> dict[str, Any]:
        """Return the schema of the document, or a reference where it is one of those ``above``."""
        return embedded_schema(self.document_type, above)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> D | None: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        value = super().__get__(instance, owner)
        if is_struct(value):
            value = self.document_type.__around__(value)
            setattr(instance.__data__, self.field_name, value)
        return value

    def __set__(self, instance: Any, value: D | dict[str, Any] | None) -> None:
        super().__set__(instance, value)  # type: ignore[arg-type]  # it is converted

    def adopt(self, value: Any) -> Any:
        """Return a dictionary as a document; anything else as it is."""
        if not _is_values(value):
            return value
        try:
            return self.document_type(**value)
        except RecursionError:  # nested too deeply, as `validate` will say
            return value

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

    def accept(self, value: Any, place: str, faults: Faults, rogue: str) -> Any:
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
            if self.own_validate:
                self.validate(document)
        except (ShieldException, *USER_CODE_ERRORS) as error:
            faults.extend(self.relocated(error, place, value))
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
