"""A program with a public stream of long items, for clients that let the server hold much."""

from __future__ import annotations

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.dictshield.fields import StringField


class Note(StreamedDocument):
    """An item of any length."""

    text = StringField()


class Notes(StreamHandler):
    """A public stream."""

    model = Note
    path = "/notes"


app = Brubeck(streams=[Notes], storage="memory://")
