"""A program whose storage goes away in the middle of every export."""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.storage import Queryset, Unavailable
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client


class Note(StreamedDocument):
    """A note."""


class Notes(StreamHandler):
    """Gives out its storage twice a request, and then has none."""

    model = Note
    asked = 0

    @property
    def queryset(self) -> Queryset:
        """The stream in its storage, for now."""
        self.asked += 1
        if self.asked > 2:
            raise Unavailable("the storage is gone")
        return super().queryset


app = Brubeck(streams=[Notes])
Client(app).post("/note", json=[{} for _ in range(1000)])
