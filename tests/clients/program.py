"""A stream whose feeds ask their readers to come back soon."""

from __future__ import annotations

import sys

from brubeck import Brubeck, WebMessageHandler
from brubeck.dictshield.fields import StringField
from brubeck.http import Response
from brubeck.streams import StreamedDocument, StreamHandler, following

if "pytest" not in sys.modules:  # where tests import it, it is theirs
    following.RETRY_MS = 20  # a test does not wait as long as a person may


class Note(StreamedDocument):
    """A note."""

    kind = StringField()
    text = StringField()


class Notes(StreamHandler):
    """Notes, which can be filtered by their kind."""

    model = Note
    path = "/notes"
    filters = ("kind",)


class NewEra(WebMessageHandler):
    """Says that the store was restored."""

    def post(self) -> Response:
        """Begin a new era."""
        self.application.store().new_era()
        return Response(b"{}", headers={"Content-Type": "application/json"})


app = Brubeck(handler_tuples=[("^/new-era$", NewEra)], streams=[Notes])
