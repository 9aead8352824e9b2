"""A stream whose feeds ask their readers to come back soon."""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.streams import StreamedDocument, StreamHandler, following

following.RETRY_MS = 20  # a test does not wait as long as a person may


class Notes(StreamHandler):
    """Notes."""

    model = StreamedDocument
    path = "/notes"


app = Brubeck(streams=[Notes])
