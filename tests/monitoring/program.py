"""A program with a stream, and handlers that log, fail and compute."""

from __future__ import annotations

import logging
from time import monotonic

from brubeck import Brubeck, Request, Response, render
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler

log = logging.getLogger("program")


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(StreamHandler):
    """Notes."""

    model = Note
    path = "/notes"


app = Brubeck(streams=[Notes])


@app.add_route("^/log/(?P<text>[a-z]+)$")
def write(_application: Brubeck, _message: Request, text: str) -> Response:
    """Log a text."""
    log.warning("said %s", text)
    return render("done")


@app.add_route("^/fail$")
def fail(_application: Brubeck, _message: Request) -> Response:
    """Fail."""
    raise RuntimeError("on purpose")


@app.add_route("^/compute$")
def compute(_application: Brubeck, _message: Request) -> Response:
    """Let nobody else run for a while."""
    until = monotonic() + 0.6
    while monotonic() < until:
        pass
    return render("done")
