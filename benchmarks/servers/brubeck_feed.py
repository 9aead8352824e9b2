"""A stream in memory, for the crowd to follow."""

from __future__ import annotations

import sys

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(StreamHandler):
    """Notes."""

    model = Note
    path = "/notes"


if __name__ == "__main__":
    Brubeck(f"http://127.0.0.1:{sys.argv[1]}", streams=[Notes]).run()
