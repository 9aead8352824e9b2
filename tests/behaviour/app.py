"""The program that the behaviour suite talks to; it says the same each time it is started.

Its clock stands still and its era is fixed, so that two processes that are asked the same things
give the same answers to the last byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from brubeck import (
    Brubeck,
    JSONMessageHandler,
    MessageHandler,
    Problem,
    Request,
    Response,
    StreamedDocument,
    StreamHandler,
    StreamingResponse,
    WebMessageHandler,
    render,
)
from brubeck.dictshield.fields import FloatField, ListField, StringField
from brubeck.storage.memory import MemoryStorage
from brubeck.timekeeping import HeldClock

CLOCK = HeldClock(1_700_000_000_123_456)
LONG = "All blues. " * 1000
EXPORT_PIECE = bytes(range(256)) * 256  # 64 KiB


class Five(WebMessageHandler):
    """The first README's handler."""

    def get(self) -> Response:
        self.set_body("Take five!")
        self.set_status(200)
        return self.render()


class Named(WebMessageHandler):
    """Named URL arguments, one of them optional."""

    def get(self, name: str, verb: str = "swings") -> Response:
        self.set_body(f"{name} {verb}")
        return self.render()


class Positional(WebMessageHandler):
    """Positional URL arguments."""

    def get(self, first: str, second: str) -> Response:
        self.set_body(f"{first}-{second}")
        return self.render()


class Payload(JSONMessageHandler):
    """A payload, whole or only its data."""

    def get(self) -> Response:
        self.set_timestamp(7)
        self.add_to_payload("data", {"tune": "Take Five", "beats": [5, 4]})
        return self.render(status_code=200, hide_status=self.get_argument("hide") == "yes")


class Message(MessageHandler):
    """A handler of any kind of message, reached over HTTP."""

    def get(self) -> Response:
        self.set_timestamp(7)
        self.add_to_payload("tune", "Blue Rondo")
        return self.render(status_code=0)


class Echo(WebMessageHandler):
    """What came in, as JSON."""

    def _echo(self) -> Response:
        request = self.message
        files = [[f.name, f.filename, f.content_type, f.size] for f in request.form.files]
        parts = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "arguments": request.arguments,
            "cookies": request.cookies,
            "content_type": request.content_type,
            "length": len(request.body),
            "sum": sum(request.body),
            "files": files,
            "x": request.headers.get_all("x-test"),
            "scheme": request.scheme,
            "remote": request.remote_addr,
        }
        self.set_body(msgspec.json.encode(parts), headers={"Content-Type": "application/json"})
        return self.render()

    get = post = put = patch = delete = _echo


class Cookies(WebMessageHandler):
    """Sets, reads and deletes cookies."""

    def get(self) -> Response:
        seen = self.get_cookie("plain", "none"), self.get_cookie("odd", "none", secret="k")
        self.set_cookie("plain", "yes", path="/cookies", max_age=60)
        self.set_cookie("both", "1")
        self.delete_cookie("gone")
        self.set_body(repr(seen))
        return self.render()


class Away(WebMessageHandler):
    """Redirects, to what may hold what a header may not."""

    def get(self) -> Response:
        return self.redirect("/café\r\nX-Evil: 1?a=b")


class Hooks(WebMessageHandler):
    """The four moments of a handler's life."""

    def initialize(self) -> None:
        self.seen = ["initialize"]

    def prepare(self) -> None:
        self.seen.append("prepare")
        if self.get_argument("early"):
            self.finish(render("early", 202))

    def get(self) -> Response:
        self.set_body(" ".join([*self.seen, "get"]))
        return self.render()


class Broken(WebMessageHandler):
    """Fails in several ways."""

    def get(self, how: str) -> Response:
        if how == "problem":
            raise Problem(418, "Short and stout.", headers={"X-Pot": "tea"})
        if how == "nothing":
            return None  # type: ignore[return-value]
        raise RuntimeError("a secret of the program")


class Streamed(WebMessageHandler):
    """A stream of chunks, one with an empty chunk, and one that breaks off."""

    def get(self, kind: str) -> Response:
        response = StreamingResponse(self._chunks(kind))
        response.headers["Content-Type"] = "text/plain"
        return response

    def _chunks(self, kind: str) -> Iterator[bytes]:
        yield b"one "
        yield b"" if kind == "gaps" else b"two "
        if kind == "broken":
            raise RuntimeError("in the middle")
        yield b"three"


class Export(WebMessageHandler):
    """As many MiB as asked for, made while they are sent."""

    def get(self, mib: str) -> Response:
        return StreamingResponse(EXPORT_PIECE for _ in range(int(mib) * 16))


class Burst(WebMessageHandler):
    """A thousand small events at once, as a feed that has fallen behind sends them."""

    def get(self) -> Response:
        events = (b"data: %d\n\n" % number for number in range(1000))
        response = StreamingResponse(events)
        response.headers["Content-Type"] = "text/event-stream"
        return response


class Long(WebMessageHandler):
    """A body long enough to be worth compressing, with a tag."""

    def get(self) -> Response:
        self.set_body(LONG, headers={"Content-Type": "text/plain", "ETag": '"blue"'})
        return self.render()


class Empty(WebMessageHandler):
    """No content at all."""

    def get(self) -> Response:
        return Response(b"", 204)


class Quake(StreamedDocument):
    """The documents of the streams."""

    place = StringField(max_length=20, required=True)
    magnitude = FloatField(min_value=-3, max_value=10)
    network = StringField(max_length=8)
    tags = ListField(StringField())


class Quakes(StreamHandler):
    """A stream; each conversation has one of its own."""

    model = Quake
    filters = ("network", "magnitude__gte", "tags", "network__in")
    page_size, max_page_size = 3, 5
    max_batch = 20
    accept_created_at = True


def stream(path: str, **attributes: object) -> type[StreamHandler]:
    """Return the stream under another path."""
    return type(f"Quakes{path.strip('/').title()}", (Quakes,), {"path": path} | attributes)


STREAMS = [
    stream("/pages"),
    stream("/writes"),
    stream("/items"),
    stream("/changes"),
    stream("/feeds", max_batch=500),
    stream("/nonsense"),
    stream("/shapes", feed_title="Shapes"),
    stream("/imports"),
    stream("/fresh", accept_created_at=False),
]

_storage = MemoryStorage(clock=CLOCK)
_storage.era = "blue"

app = Brubeck(
    handler_tuples=[
        (r"^/brubeck$", Five),
        (r"^/named/(?P<name>\w+)(/(?P<verb>\w+))?$", Named),
        (r"^/positional/(\d+)/(\d+)$", Positional),
        (r"^/payload$", Payload),
        (r"^/message$", Message),
        (r"^/echo", Echo),
        (r"^/cookies$", Cookies),
        (r"^/away$", Away),
        (r"^/hooks$", Hooks),
        (r"^/broken/(?P<how>\w+)$", Broken),
        (r"^/streamed/(?P<kind>\w+)$", Streamed),
        (r"^/export/(\d+)$", Export),
        (r"^/burst$", Burst),
        (r"^/long$", Long),
        (r"^/empty$", Empty),
    ],
    streams=STREAMS,
    storage=_storage,
    clock=CLOCK,
)


@app.add_route("^/function/(?P<name>[^/]*)$", method=["GET", "POST"])
def function(_application: Brubeck, message: Request, name: str = "nobody") -> Response:
    """Answer as a function."""
    return render(f"{message.method} {name}")


@app.add_route("^/function/(?P<name>[^/]*)$", method="DELETE")
def function_delete(_application: Brubeck, _message: Request, name: str = "nobody") -> Response:
    """Answer another method of the same path."""
    return render(f"gone {name}", 200, "Gone For Good", {"Content-Type": "text/plain"})


if os.environ.get("BEHAVIOUR_WSGI"):
    wsgi = app.wsgi
