"""The example's week of earthquakes, and a stream with ids of the server."""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from examples.earthquakes.app import Quakes
from examples.earthquakes.week import quakes


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(StreamHandler):
    """Notes, whose ids the server makes."""

    model = Note
    path = "/notes"


app = Brubeck(streams=[Quakes, Notes])


def load() -> None:
    """Put the week into the stream."""
    client, week = Client(app), list(quakes())
    for start in range(0, len(week), 1000):
        client.post("/quakes", json=week[start : start + 1000])
    client.post("/notes", json=[{"text": "one"}, {"text": "two"}])


load()
