"""The documents that the tests keep."""

from __future__ import annotations

from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import DateTimeField, IntField, MillisecondField, StringField


class Todo(Document):
    """A document as 0.4's programs had them; its id is a text."""

    title = StringField(required=True)
    order = IntField()

    class Meta:
        id_field = StringField


class Dated(Document):
    """A document that says when it was made."""

    title = StringField()
    created_at = MillisecondField()
    due = DateTimeField()

    class Meta:
        id_field = StringField
