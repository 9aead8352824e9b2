"""The visibility of fields: the owner sees all but the private ones, the public the public ones.

Three lists of field names in the class decide. ``_internal_fields`` and ``_private_fields`` never
leave the system; the owner sees everything else. The public sees ``_public_fields``, and where a
class has none, its id alone. Embedded documents are shaped by their own lists.

A shape of an instance in JSON is compiled like the class itself: the visible values are taken out
of the struct and written in one go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from brubeck.dictshield.shapers import encode_shape, holds_documents, shape_unknown, shape_value
from brubeck.dictshield.writing import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.field import BaseField
    from brubeck.dictshield.shapers import Viewer

    Convert = Callable[[BaseField[Any] | None, str, Any], Any]


class SafeableMixin:
    """The lists of visible and hidden fields, and the methods that cut a document down to them."""

    __slots__ = ()
    __compiled__: ClassVar[Compiled]
    __data__: Any

    _internal_fields: ClassVar[Sequence[str]] = ("_id", "id", "_cls", "_types")
    _private_fields: ClassVar[Sequence[str]] = ()
    _public_fields: ClassVar[Sequence[str] | None] = None

    @classmethod
    def _get_internal_fields(cls) -> set[str]:
        """Return the fields that nobody outside sees."""
        return {*cls._internal_fields, *cls._private_fields}

    @classmethod
    def __shows__(cls, name: str, viewer: Viewer) -> bool:
        """Return whether the owner, or the public, sees the field of that name."""
        return (name in cls._listed(viewer)) == (viewer == "public")

    @classmethod
    def _listed(cls, viewer: Viewer) -> Collection[str]:
        """Return the fields that the owner does not see, or those that the public sees."""
        if viewer == "owner":
            return cls._get_internal_fields()
        public = ("id",) if cls._public_fields is None else cls._public_fields
        return [name for name in public if name not in cls._private_fields]

    @classmethod
    def make_safe(
        cls,
        doc_dict_or_dicts: Any,
        field_converter: Callable[[str, Any], Any],
        doc_converter: Callable[[Any], Any],
        doc_encoder: Callable[[Any], Any] | None = None,  # noqa: ARG003 - DictShield's signature
        field_list: Collection[str] | None = None,
        white_list: bool = True,
    ) -> Any:
        """Return a document, a dictionary or a list of them cut down to a list of fields.

        With ``white_list`` only the fields of the list stay, otherwise all others do. Embedded
        documents go through ``doc_converter``, other values through ``field_converter``. What is
        None goes; what is given is not changed.
        """
        if isinstance(doc_dict_or_dicts, list | tuple):
            return [
                cls.make_safe(each, field_converter, doc_converter, None, field_list, white_list)
                for each in doc_dict_or_dicts
            ]

        def convert(field: BaseField[Any] | None, key: str, value: Any) -> Any:
            if isinstance(value, SafeableMixin) or (field is not None and holds_documents(field)):
                return _shaped(field, value, doc_converter)
            return field_converter(key, value)

        listed = cls._get_internal_fields() if field_list is None else field_list
        return cls._cut(doc_dict_or_dicts, listed, white_list, convert)

    @classmethod
    def _cut(cls, given: Any, listed: Collection[str], white_list: bool, convert: Convert) -> Any:
        """Return the members of a document or dictionary by a white list or a black list."""
        own = given.__compiled__ if isinstance(given, SafeableMixin) else cls.__compiled__
        safe: dict[str, Any] = {}
        for key in given:
            value, name = given[key], own.names.get(key, key)
            if value is not None and (name in listed or key in listed) == white_list:
                field = own.fields.get(name)
                short = None if field is None else field.minimized_field_name
                safe[short or key] = convert(field, key, value)
        return safe

    @classmethod
    def _seen(cls, given: Any, viewer: Viewer, convert: Convert) -> Any:
        """Return the fields that a viewer sees, by both lists for a document of another class."""
        listed = set(cls._listed(viewer))
        if isinstance(given, SafeableMixin):
            own = given._listed(viewer)  # noqa: SLF001, of another class of ours
            listed = listed.intersection(own) if viewer == "public" else listed.union(own)
        return cls._cut(given, listed, viewer == "public", convert)

    @classmethod
    def make_ownersafe(cls, doc_dict_or_dicts: Any) -> Any:
        """Return the fields that the owner may see, as native Python values."""
        return cls._native(doc_dict_or_dicts, "owner")

    @classmethod
    def make_publicsafe(cls, doc_dict_or_dicts: Any) -> Any:
        """Return the fields that the public may see, as native Python values."""
        return cls._native(doc_dict_or_dicts, "public")

    @classmethod
    def _native(cls, given: Any, viewer: Viewer) -> Any:
        if isinstance(given, list | tuple):
            return [cls._native(each, viewer) for each in given]

        def of_document(document: Any) -> Any:
            return type(document)._native(document, viewer)  # noqa: SLF001, of a class of ours

        def convert(field: BaseField[Any] | None, _: str, value: Any) -> Any:
            return _shaped(field, value, of_document)

        return cls._seen(given, viewer, convert)

    @classmethod
    def make_json_ownersafe(
        cls, doc_dict_or_dicts: Any, encode: bool = True, sort_keys: bool = False
    ) -> Any:
        """Return the owner's fields as JSON text, or without ``encode`` as JSON values."""
        return _encoded(cls._json(doc_dict_or_dicts, "owner"), "owner", encode, sort_keys)

    @classmethod
    def make_json_publicsafe(
        cls, doc_dict_or_dicts: Any, encode: bool = True, sort_keys: bool = False
    ) -> Any:
        """Return the public fields as JSON text, or without ``encode`` as JSON values."""
        return _encoded(cls._json(doc_dict_or_dicts, "public"), "public", encode, sort_keys)

    @classmethod
    def _json(cls, given: Any, viewer: Viewer) -> Any:
        """Return the viewer's fields as values that msgspec can write."""
        if isinstance(given, list | tuple):
            return [cls._json(each, viewer) for each in given]
        if type(given) is cls:
            return getattr(given.__compiled__, f"shape_{viewer}")(given.__data__)

        def convert(field: BaseField[Any] | None, _: str, value: Any) -> Any:
            return value if field is None else shape_value(field, value, viewer)

        return cls._seen(given, viewer, convert)

    def encode_ownersafe(self) -> bytes:
        """Return the owner's fields as compact JSON; the fast way from instance to wire."""
        return encode_shape["owner"](self.__compiled__.shape_owner(self.__data__))

    def encode_publicsafe(self) -> bytes:
        """Return the public fields as compact JSON; the fast way from instance to wire."""
        return encode_shape["public"](self.__compiled__.shape_public(self.__data__))


def _shaped(field: BaseField[Any] | None, value: Any, of_document: Callable[[Any], Any]) -> Any:
    """Return a value with its documents shaped; an invalid document is not shown."""
    native = value if field is None else field.adopt(value)
    if isinstance(native, SafeableMixin):
        return of_document(native)
    if field is None or not holds_documents(field):
        return native
    if field.embedded_type is None and isinstance(native, list | tuple):
        return [_shaped_item(field, item, of_document) for item in native]
    return None if isinstance(native, dict | list | tuple) else native


def _shaped_item(field: BaseField[Any], item: Any, of_document: Callable[[Any], Any]) -> Any:
    part = field.item_field_for(item)
    if part is None and isinstance(item, dict):
        return None
    return _shaped(part, item, of_document)


def _encoded(data: Any, viewer: Viewer, encode: bool, sort_keys: bool) -> Any:
    hook = shape_unknown(viewer)
    if encode:
        return as_text(data, sort_keys=sort_keys, hook=hook)
    return msgspec.to_builtins(data, enc_hook=hook)
