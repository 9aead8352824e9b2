"""Documents as the JSON that they are stored as, where no method of a program would notice.

A document that is decoded takes fifty times the memory of its text, and its time. So it goes from a
storage into a response as JSON, and from a request into a storage validated once, unless the
program's own class stands in between.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from brubeck.dictshield.document import Document
from brubeck.queryset import AbstractQueryset, Queryset
from brubeck.streams.projection import members

READS: Final = (
    *("read", "read_one", "read_many", "read_all"),
    *("destroy", "destroy_one", "destroy_many"),
)
INSERTS: Final = ("insert", "insert_one", "insert_many")
UPDATES: Final = ("update", "update_one", "update_many")


def stock(queryset: AbstractQueryset, names: Collection[str]) -> Queryset | None:
    """Return a queryset that overrides none of the named methods; None for any other."""
    if not isinstance(queryset, Queryset):
        return None
    own = (getattr(getattr(queryset, name), "__func__", None) for name in names)
    same = all(own is getattr(Queryset, name) for own, name in zip(own, names, strict=True))
    return queryset if same else None


def undecoded(queryset: AbstractQueryset) -> AbstractQueryset:
    """Return a queryset that reads and removes documents as ``msgspec.Raw``, if it can."""
    known = stock(queryset, READS)
    return queryset if known is None else known.undecoded()


def known_names(queryset: AbstractQueryset) -> frozenset[str] | None:
    """Return the names of the members that documents of a queryset have; None for any."""
    model = getattr(queryset, "model", None)
    return None if model is None else frozenset(f.uniq_field for f in model._fields.values())


def visible(document: Any, known: Collection[str] | None, hidden: Collection[str]) -> msgspec.Raw:
    """Return the JSON of a document without its hidden members.

    It is given as a document, as values, or as stored JSON, of which ``known`` are the members
    that its class has.
    """
    if isinstance(document, msgspec.Raw):
        body = bytes(document)
    else:
        is_document = isinstance(document, Document)
        body = document.encode() if is_document else msgspec.json.encode(document)
        known = None
    if known is None and not hidden:
        return msgspec.Raw(body)
    found = members(body)
    kept = {
        name: value
        for name, value in found.items()
        if name not in hidden and (known is None or name in known)
    }
    return msgspec.Raw(body if len(kept) == len(found) else msgspec.json.encode(kept))


def member(document: msgspec.Raw, name: str) -> Any:
    """Return a decoded member of a JSON object; an empty text where it has none."""
    value = members(bytes(document)).get(name)
    return "" if value is None else msgspec.json.decode(value)
