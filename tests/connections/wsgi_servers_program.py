"""A stream for the WSGI servers of others, and for those of ASGI by way of a2wsgi."""

from __future__ import annotations

from a2wsgi import WSGIMiddleware

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(StreamHandler):
    """An open stream."""

    model = Note
    path = "/notes"


class Seen(WebMessageHandler):
    """Answers with where a request comes from, as a proxy says."""

    def get(self) -> Response:
        """Return the header."""
        self.set_body(f'"{self.message.header("x-forwarded-for") or ""}"')
        return self.render()


app = Brubeck(handler_tuples=[("^/seen$", Seen)], streams=[Notes], storage="memory://")
app.configure(server={"trusted_proxies": ["127.0.0.1"]})
asgi = WSGIMiddleware(app)  # type: ignore[arg-type]  # it has a type of its own for an environ
