"""A document with every usual kind of field, and one within it."""

from __future__ import annotations

from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    DateTimeField,
    DecimalField,
    DictField,
    EmailField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    MillisecondField,
    StringField,
    TimeStampField,
    URLField,
    UUIDField,
)


class Reporter(EmbeddedDocument):
    """Somebody who felt it."""

    name = StringField(required=True)
    email = EmailField()
    joined = DateTimeField()


class Quake(Document):
    """A document with a field of most kinds."""

    id = StringField(max_length=128)
    created_at = MillisecondField()
    place = StringField(required=True, max_length=20)
    magnitude = FloatField(min_value=-3, max_value=10)
    felt = IntField(default=0)
    tags = ListField(StringField(max_length=3))
    reporter = EmbeddedDocumentField(Reporter)
    others = ListField(EmbeddedDocumentField(Reporter))
    extra = DictField()
    seen = TimeStampField()
    cost = DecimalField()
    key = UUIDField()
    url = URLField()


WHOLE = (
    b'{"id":"q1","created_at":5,"place":"Ludlow, CA","magnitude":4.5,"felt":3,"tags":["a"],'
    b'"reporter":{"name":"Ida","email":"ida@example.com","joined":"2012-01-01T00:00:00Z"},'
    b'"others":[{"name":"Bo"}],"extra":{"a":[1]},"seen":60,"cost":"1.10",'
    b'"key":"e8b5d682-4523-13a6-142c-10b045a9a135","url":"http://example.com/"}'
)
