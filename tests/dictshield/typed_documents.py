"""A program for mypy: what it says of these fields is checked by `test_typing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    BooleanField,
    DateTimeField,
    DecimalField,
    DictField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    MillisecondField,
    NumberField,
    StringField,
    UUIDField,
)

if TYPE_CHECKING:
    from typing import reveal_type


class Reporter(EmbeddedDocument):
    """Somebody who felt it."""

    name = StringField(required=True)


class Quake(Document):
    """A document as a user writes it."""

    place = StringField(required=True)
    magnitude = FloatField()
    felt = IntField(default=0)
    cost = DecimalField()
    seen = DateTimeField()
    created = MillisecondField()
    key = UUIDField()
    reviewed = BooleanField()
    anything = BaseField()
    number = NumberField()
    free = DictField()
    tags = ListField(StringField())
    mixed = ListField([StringField(), IntField()])
    reporter = EmbeddedDocumentField(Reporter)
    reporters = ListField(EmbeddedDocumentField(Reporter))


class Named(Document):
    """A document with an id of another kind."""

    id = StringField(required=True)


def revealed(quake: Quake) -> None:
    """Show what mypy thinks, a line for each."""
    reveal_type(quake.place)  # str | None
    reveal_type(quake.magnitude)  # float | None
    reveal_type(quake.felt)  # int | None
    reveal_type(quake.cost)  # decimal.Decimal | None
    reveal_type(quake.seen)  # datetime.datetime | None
    reveal_type(quake.created)  # int | None
    reveal_type(quake.key)  # uuid.UUID | None
    reveal_type(quake.reviewed)  # bool | None
    reveal_type(quake.anything)  # Any | None
    reveal_type(quake.number)  # Any | None
    reveal_type(quake.free)  # dict[str, Any]
    reveal_type(quake.tags)  # list[str]
    reveal_type(quake.mixed)  # list[Any]
    reveal_type(quake.reporter)  # tests.dictshield.typed_documents.Reporter | None
    reveal_type(quake.reporters)  # list[tests.dictshield.typed_documents.Reporter]
    reveal_type(quake.id)  # Any
    reveal_type(Named().id)  # str | None
    reveal_type(Quake.place)  # brubeck.dictshield.fields.text.StringField
    reveal_type(Quake.tags)  # brubeck.dictshield.fields.lists.ListField[str]
    reveal_type(Quake.from_json(b"{}"))  # tests.dictshield.typed_documents.Quake


def misused(quake: Quake) -> None:
    """Make mistakes that mypy must see."""
    quake.place = 5  # type: ignore[assignment]
    quake.felt = "many"  # type: ignore[assignment]
    quake.tags = "a"  # type: ignore[assignment]
    StringField(max_lenght=3)  # type: ignore[call-arg]
