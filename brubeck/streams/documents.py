"""The base classes of streams' documents: the fields of every timestamped resource."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import ListField, MillisecondField, StringField
from brubeck.streams.projection import members


class StreamedDocument(Document):
    """A document of a stream: an id, when it was made and when it was last changed.

    The stream sets these. ``created_at`` never changes in the life of an item and, with the id,
    is its place in the timeline; both times are milliseconds since the epoch, UTC.
    """

    _geometry: ClassVar[str | tuple[str, ...] | None] = ""
    """The fields with the position of an item: ``("longitude", "latitude")``, with a height as a
    third, or the name of a `GeoPointField`. Empty finds them by type and name; None has none."""

    id = StringField(max_length=128, description="The item's name in its stream.", example="c6a4")
    created_at = MillisecondField(description="When the item was made, ms since the epoch.")
    updated_at = MillisecondField(description="When it was last changed, ms since the epoch.")


class OwnedDocument(StreamedDocument):
    """A document with an owner; the stream sets both fields and ignores the client's values."""

    owner_id = StringField(max_length=128, description="The id of whom the item belongs to.")
    owner_username = StringField(max_length=256, description="The owner's name at that time.")


class SharedDocument(OwnedDocument):
    """A document that its owner may let others read."""

    readers = ListField(
        StringField(max_length=128),
        description="The ids of those who may read the item, too.",
    )


def stored_owner(model: type[Document], body: bytes) -> object:
    """Return the ``owner_id`` of a stored document; no other member of it is decoded."""
    field: Any = model._fields["owner_id"]
    if field.converts:
        document: Any = model.decode_stored(body)
        return document.owner_id
    stored = members(body).get(field.uniq_field)
    return None if stored is None else msgspec.json.decode(stored)
