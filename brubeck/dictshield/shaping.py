"""Who sees which fields: the owner all but the private ones, the public only the public ones.

Three lists of field names in the class decide. ``_internal_fields`` and ``_private_fields`` never
leave the system; the owner sees everything else. The public sees ``_public_fields``, and where a
class has none, its id alone. Embedded documents are shaped by their own lists.

A shape of an instance in JSON is compiled like the class itself: the visible values are taken out
of the struct and written in one go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from brubeck.dictshield.writing import as_text, encode, write_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.shapers import Viewer


class SafeableMixin:
    """The lists of who sees what, and the methods that cut a document down to them."""

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
        if viewer == "owner":
            return name not in cls._get_internal_fields()
        return name in (("id",) if cls._public_fields is None else cls._public_fields)

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
        listed = cls._get_internal_fields() if field_list is None else field_list
        given = doc_dict_or_dicts
        fields = cls.__compiled__.fields
        safe: dict[str, Any] = {}
        for key in given:
            value = given[key]
            if value is not None and (key in listed) == white_list:
                short = fields[key].minimized_field_name if key in fields else None
                safe[short or key] = _convert(key, value, field_converter, doc_converter)
        return safe

    @classmethod
    def _listed(cls, viewer: Viewer) -> Collection[str]:
        if viewer == "owner":
            return cls._get_internal_fields()
        return ("id",) if cls._public_fields is None else cls._public_fields

    @classmethod
    def make_ownersafe(cls, doc_dict_or_dicts: Any) -> Any:
        """Return what the owner may see, as native Python values."""
        return cls._native(doc_dict_or_dicts, "owner")

    @classmethod
    def make_publicsafe(cls, doc_dict_or_dicts: Any) -> Any:
        """Return what the public may see, as native Python values."""
        return cls._native(doc_dict_or_dicts, "public")

    @classmethod
    def _native(cls, given: Any, viewer: Viewer) -> Any:
        return cls.make_safe(
            given,
            lambda _, value: value,
            lambda document: type(document)._native(document, viewer),  # noqa: SLF001
            field_list=cls._listed(viewer),
            white_list=viewer == "public",
        )

    @classmethod
    def make_json_ownersafe(
        cls, doc_dict_or_dicts: Any, encode: bool = True, sort_keys: bool = False
    ) -> Any:
        """Return what the owner may see as JSON text, or without ``encode`` as JSON values."""
        return _encoded(cls._json(doc_dict_or_dicts, "owner"), encode, sort_keys)

    @classmethod
    def make_json_publicsafe(
        cls, doc_dict_or_dicts: Any, encode: bool = True, sort_keys: bool = False
    ) -> Any:
        """Return what the public may see as JSON text, or without ``encode`` as JSON values."""
        return _encoded(cls._json(doc_dict_or_dicts, "public"), encode, sort_keys)

    @classmethod
    def _json(cls, given: Any, viewer: Viewer) -> Any:
        """Return what msgspec writes as the JSON that the viewer may see."""
        if isinstance(given, list | tuple):
            return [cls._json(each, viewer) for each in given]
        if isinstance(given, SafeableMixin):
            return getattr(given.__compiled__, f"shape_{viewer}")(given.__data__)
        fields = cls.__compiled__.fields
        return cls.make_safe(
            given,
            lambda key, value: fields[key].for_json(value) if key in fields else value,
            lambda document: type(document)._json(document, viewer),  # noqa: SLF001
            field_list=cls._listed(viewer),
            white_list=viewer == "public",
        )

    def encode_ownersafe(self) -> bytes:
        """Return what the owner may see as compact JSON; the fast way from instance to wire."""
        return encode(self.__compiled__.shape_owner(self.__data__))

    def encode_publicsafe(self) -> bytes:
        """Return what the public may see as compact JSON; the fast way from instance to wire."""
        return encode(self.__compiled__.shape_public(self.__data__))


def _convert(
    key: str, value: Any, of_field: Callable[[str, Any], Any], of_document: Callable[[Any], Any]
) -> Any:
    if isinstance(value, SafeableMixin):
        return of_document(value)
    if isinstance(value, list) and any(isinstance(item, SafeableMixin) for item in value):
        return [of_document(v) if isinstance(v, SafeableMixin) else v for v in value]
    return of_field(key, value)


def _encoded(data: Any, encode: bool, sort_keys: bool) -> Any:
    if encode:
        return as_text(data, sort_keys=sort_keys)
    return msgspec.to_builtins(data, enc_hook=write_unknown)
