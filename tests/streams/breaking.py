"""A program whose storage goes away in the middle of every export."""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.storage import RecordStream, Unavailable
from brubeck.streams import Context, StreamedDocument, StreamHandler
from brubeck.streams.stream import Stream
from brubeck.testing import Client


class Note(StreamedDocument):
    """A note."""


class Failing(Stream):
    """A stream whose records can be read twice."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream.spec, lambda: stream.store, stream.clock)
        self._reads = 0

    def opened(self, partition: str) -> RecordStream:
        """Return the records, or raise `Unavailable`."""
        self._reads += 1
        if self._reads > 2:
            raise Unavailable("the storage is gone")
        return super().opened(partition)


class Notes(StreamHandler):
    """A stream that fails in the middle of each request."""

    model = Note

    def prepare(self, context: Context) -> None:
        """Put the failing stream in place of the true one."""
        if context.request.method == "GET":
            context.stream = Failing(context.stream)


app = Brubeck(streams=[Notes])
Client(app).post("/note", json=[{} for _ in range(1000)])
