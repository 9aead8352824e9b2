"""What the tests of shared feeds run: a stream, and how all its readers lose their place."""

from __future__ import annotations

from brubeck import Brubeck, Request, Response, StreamedDocument, StreamHandler, render


class Notes(StreamHandler):
    """Notes."""

    model = StreamedDocument
    path = "/notes"


app = Brubeck(streams=[Notes])


@app.add_route("^/era$", method="POST")
def begin_era(application: Brubeck, _message: Request) -> Response:
    """Begin another era."""
    return render(application.store().new_era())


@app.add_route("^/readers$")
def count_readers(application: Brubeck, _message: Request) -> Response:
    """Say how many readers share a broadcast now."""
    shared = application.stream(Notes).topics._all.values()
    return render(str(sum(map(len, shared))))
