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
    EmailField,
    EmbeddedDocumentField,
    FloatField,
    GeoPointField,
    IntField,
    ListField,
    LongField,
    MD5Field,
    MillisecondField,
    MultiValueDictField,
    NumberField,
    ObjectIdField,
    SHA1Field,
    SortedListField,
    StringField,
    TimeStampField,
    URLField,
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
    grid = ListField(ListField(EmbeddedDocumentField(Reporter)))
    mail = EmailField(max_length=50)
    page = URLField(max_length=50)
    md5, sha1 = MD5Field(), SHA1Field()
    long = LongField()
    stamp = TimeStampField()
    point = GeoPointField()
    query = MultiValueDictField()
    mongo = ObjectIdField()
    ordered = SortedListField(IntField())


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
    reveal_type(quake.grid)  # list[list[tests.dictshield.typed_documents.Reporter]]
    reveal_type(quake.mail)  # str | None
    reveal_type(quake.page)  # str | None
    reveal_type(quake.md5)  # str | None
    reveal_type(quake.sha1)  # str | None
    reveal_type(quake.long)  # int | None
    reveal_type(quake.stamp)  # datetime.datetime | None
    reveal_type(quake.point)  # Any | None
    reveal_type(quake.query)  # brubeck.dictshield.datastructures.MultiValueDict
    reveal_type(quake.mongo)  # bson.objectid.ObjectId | None
    reveal_type(quake.ordered)  # list[int]
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
    URLField(max_lenght=3)  # type: ignore[call-arg]
    quake.query = "a"  # type: ignore[assignment]
