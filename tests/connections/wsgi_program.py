"""What WSGI servers run in tests: a stream whose feeds are cut after ``PATIENCE`` seconds."""

from __future__ import annotations

import os

from brubeck import Brubeck
from brubeck.connections import wsgi as connection
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler


class Note(StreamedDocument):
    """A line."""

    text = StringField()


class Notes(StreamHandler):
    """Notes in memory."""

    model = Note
    path = "/notes"


connection.FEED_SECONDS = float(os.environ.get("PATIENCE", "45"))  # type: ignore[misc]  # for tests alone
app = Brubeck(streams=[Notes])
wsgi = app.wsgi
