"""Documents: declare the fields of a record once; check, shape and store it everywhere.

>>> from brubeck.dictshield.fields import FloatField, StringField
>>> class Quake(Document):
...     place = StringField(required=True, max_length=200)
...     magnitude = FloatField(min_value=-3, max_value=10)
>>> Quake.from_json('{"place": "Ludlow, CA", "magnitude": 4.5}').encode()
b'{"place":"Ludlow, CA","magnitude":4.5}'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from brubeck.dictshield.base import InvalidShield, ShieldDocException, ShieldException, json
from brubeck.dictshield.declaration import DocumentMetaclass, DocumentOptions
from brubeck.dictshield.field import BaseField, DictFieldNotFound, dictshield_fields
from brubeck.dictshield.fields.text import UUIDField
from brubeck.dictshield.schema_reading import schema_kwargs_to_dictshield
from brubeck.dictshield.shaping import SafeableMixin
from brubeck.dictshield.structure import BaseDocument, EmbeddedDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

    Fields = dict[str, BaseField[Any]]

__all__ = [
    "BaseDocument",
    "BaseField",
    "DictFieldNotFound",
    "Document",
    "DocumentMetaclass",
    "DocumentOptions",
    "EmbeddedDocument",
    "SafeableMixin",
    "ShieldDocException",
    "ShieldException",
    "TopLevelDocumentMetaclass",
    "TopLevelDocumentOptions",
    "UUIDField",
    "dictshield_fields",
    "diff_id_field",
    "json",
    "schema_kwargs_to_dictshield",
    "swap_field",
]


class TopLevelDocumentOptions(DocumentOptions):
    """The further options of the ``Meta`` of a `Document`.

    ``id_field``: the field class of the id. ``id_options``: its options. ``bucket``: a name for
    the program that stores the documents; nothing here reads it.
    """

    known = (*DocumentOptions.known, "id_field", "id_options", "bucket")

    def __init__(self, **given: Any) -> None:
        self.id_field: type[BaseField[Any]] | None = given.pop("id_field", None)
        self.id_options: dict[str, Any] | None = given.pop("id_options", None)
        self.bucket: str | None = given.pop("bucket", None)
        super().__init__(**given)
        kind: Any = self.id_field
        if kind is not None and not (isinstance(kind, type) and issubclass(kind, BaseField)):
            raise InvalidShield("id_field must be a class of fields.")
        if not isinstance(self.id_options, dict | None):
            raise InvalidShield("id_options must be a dictionary.")


class TopLevelDocumentMetaclass(DocumentMetaclass):
    """Makes a class of documents that are stored by themselves, so each has an id."""

    def complete(
        cls,  # noqa: N805 - a metaclass
        own: Fields,
        bases: tuple[type, ...],
    ) -> Fields:
        """Return the fields of the class with the id that its ``Meta``, or a field, declares."""
        given = _inherit_options(cls._options, bases)
        marked = [name for name, field in {**cls._fields, **own}.items() if field.id_field]
        if len(marked) > 1 or (marked and "id" in own and marked != ["id"]):
            both = " and ".join(dict.fromkeys([*marked, "id"]) if len(marked) == 1 else marked)
            raise InvalidShield(f"{cls.__name__}: there are two id fields, {both}.")
        if marked and marked != ["id"]:
            cls._fields.pop("id", None)
        elif "id" not in own and (given or "id" not in cls._fields):
            options = cls._options
            return {"id": options.id_field(**options.id_options), **own}
        return own

    def __init__(
        cls,  # noqa: N805 - a metaclass
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
    ) -> None:
        super().__init__(name, bases, namespace)
        for field in cls._fields.values():
            if field.id_field:
                type.__setattr__(cls, "id", field)


def _inherit_options(options: Any, bases: tuple[type, ...]) -> bool:
    """Complete the id's options from the bases'; return whether the class gave any itself."""
    given = bool(options.id_field or options.id_options)
    above = [getattr(base, "_options", None) for base in bases]
    options.id_field = options.id_field or _first(above, "id_field") or UUIDField
    options.id_options = options.id_options or _first(above, "id_options") or {"uniq_field": "id"}
    return given


def _first(options: Iterable[Any], name: str) -> Any:
    return next((getattr(o, name) for o in options if getattr(o, name, None)), None)


class Document(BaseDocument, metaclass=TopLevelDocumentMetaclass):
    """A document that is stored by itself. It has an ``id``, by default a UUID."""

    __root__ = True
    __optionsclass__: ClassVar[type[DocumentOptions]] = TopLevelDocumentOptions

    id: Any
    """The id, a field that the metaclass makes; a class may declare its own."""


def swap_field(
    klass: type[BaseDocument], new_field: type[BaseField[Any]], fields: Iterable[str]
) -> Any:
    """Return a subclass with the named fields of another kind; an ``id`` is kept as ``_id``.

    The new class keeps the old one's place in the hierarchy, as seen in ``_cls`` and ``_types``.
    """
    made = {name: new_field(uniq_field="_id") if name == "id" else new_field() for name in fields}
    maker: Any = type(klass)
    swapped = maker(klass.__name__, (klass,), {"__module__": klass.__module__, **made})
    swapped._class_name = klass._class_name  # noqa: SLF001, both are ours
    swapped._superclasses = klass._superclasses  # noqa: SLF001, both are ours
    return swapped


def diff_id_field(
    id_field: type[BaseField[Any]], field_list: Iterable[str], *arg: type[BaseDocument]
) -> Any:
    """Return a class decorator that swaps fields for another kind; a class given is swapped now.

    >>> from brubeck.dictshield.fields import StringField
    >>> @diff_id_field(StringField, ['id'])
    ... class Note(Document):
    ...     text = StringField()
    >>> Note(id='n1', text='So what').encode()
    b'{"_id":"n1","text":"So what"}'
    """
    if arg:
        return swap_field(arg[0], id_field, field_list)

    def swap(klass: Any) -> Any:
        return swap_field(klass, id_field, field_list)

    return swap
