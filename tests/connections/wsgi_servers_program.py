"""A stream for the WSGI servers of others, and for those of ASGI by way of a2wsgi."""

from __future__ import annotations

from a2wsgi import WSGIMiddleware

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(StreamHandler):
    """An open stream."""

    model = Note
    path = "/notes"


app = Brubeck(streams=[Notes], storage="memory://")
asgi = WSGIMiddleware(app)  # type: ignore[arg-type]  # it has a type of its own for an environ
