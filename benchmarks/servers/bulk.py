"""A stream that takes items with their own times, for a million of them."""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, StringField
from brubeck.streams import StreamedDocument, StreamHandler


class Item(StreamedDocument):
    """An item of some two hundred bytes."""

    place = StringField()
    network = StringField()
    magnitude = FloatField()


class Bulk(StreamHandler):
    """The items."""

    model = Item
    path = "/bulk"
    filters = ("network",)
    accept_created_at = True


app = Brubeck(streams=[Bulk])
