"""Guards that ended with the first request, or held for one of the ways into a stream alone."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from brubeck import Brubeck, Problem, Request, Response
from brubeck.auth import Caller
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.http import FeedResponse, Headers
from brubeck.http.subscription import Subscription
from brubeck.streams import (
    AuthStreamHandler,
    Context,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.streams.access import Admission, OpenAccess, ProtectedAccess
from brubeck.streams.collection import Collection
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller


class Note(StreamedDocument):
    """A note with a field that nobody sees."""

    text = StringField()
    secret = StringField(default="hush")

    _private_fields = ("secret",)


class Own(OwnedDocument):
    """A note of somebody."""

    text = StringField()


PLAIN: dict[str, Any] = {"model": Note, "path": "/n"}
KNOWN: dict[str, Any] = {**PLAIN, "schemes": (Badge(),)}


def client_of(stream: Any) -> Client:
    """Return a client of a program with one stream."""
    return Client(Brubeck(streams=[stream], storage="memory://"))


class Lax(OpenAccess):
    """An access of a program's own."""


@pytest.mark.parametrize(
    ("declared", "shares"),
    [
        ({}, True),
        ({"admit": lambda _self, _context: None}, False),
        ({"access": Lax}, False),
    ],
)
def test_a_feed_that_is_checked_again_shares_nothing(
    declared: dict[str, Any], shares: bool
) -> None:
    """In a topic nobody asks whether its readers may still read."""
    app = Brubeck(streams=[type("N", (StreamHandler,), PLAIN | declared)], storage="memory://")
    accept = Headers({"Accept": "text/event-stream", "Host": "x"})
    request = Request("GET", "/n/changes", accept, b"")
    request.may_subscribe = True
    left = iter(range(50))
    request.is_wanted = request.may_wait = lambda: next(left, None) is not None
    response = app.respond(request)
    assert isinstance(response, FeedResponse)
    found = False
    for part in response.parts:
        found = isinstance(part, Subscription)
        if found or next(left, None) is None:
            break
        Client(app).post("/n", json={"text": "news"})  # so that the feed waits for nothing
    response.close()
    assert found is shares


class Redacting(Collection):
    """Hides a word from all callers but one."""

    def get(self) -> Response:
        """Return the page, for most callers without the word."""
        response = super().get()
        if self.context.caller.id != "ann":
            response.body = response.body.replace(b"SALARY", b"******")
        return response


def test_a_changed_body_is_not_sent_in_the_gzip_of_another() -> None:
    """A kept page is compressed once, for those who get it as it is."""
    client = client_of(type("N", (AuthStreamHandler,), KNOWN | {"collection": Redacting}))
    note = {"text": "SALARY " + "x" * 2000}
    assert client.post("/n", json=note, headers=as_caller("ann")).status == 201
    gzip = {"Accept-Encoding": "gzip"}
    bodies = [client.get("/n", headers=as_caller(who) | gzip) for who in ("ann", "ann", "bob")]
    assert [b"SALARY" in zlib.decompress(each.body, 31) for each in bodies] == [True, True, False]


BUSY = Response(b"busy", 503)


def test_an_answer_for_everybody_collects_nothing() -> None:
    """A response that a hook returns may be one object for all callers."""

    def prepare(_self: Any, context: Context) -> Response:
        context.set_cookie("sid", str(context.request.header("x-name")))
        return BUSY

    declared = PLAIN | {"prepare": prepare, "rate": "5/day", "cors": "*"}
    client = client_of(type("N", (StreamHandler,), declared))
    for name in ("ann", "bob"):
        reply = client.get("/n", headers={"X-Name": name, "Origin": "https://a.example"})
        assert [each.partition(";")[0] for each in reply.headers.get_all("Set-Cookie")] == [
            f"sid={name}"
        ]
    assert list(BUSY.headers) == []


def test_a_stream_that_was_used_before_it_is_served_has_all_guards() -> None:
    """A decorator added them, and the program read the stream at its start."""

    def before_create(_self: Any, _context: Context, _document: object) -> None:
        raise Problem(403)

    stream: Any = type("N", (StreamHandler,), PLAIN)
    app = Brubeck(storage="memory://")
    list(app.stream(stream).items())
    stream.before_create = before_create
    app.add_stream(stream)
    assert Client(app).post("/n", json={}).status == 403
    assert list(app.stream(stream).items()) == []


@pytest.mark.parametrize("name", ["authenticate", "may_read", "check_change", "recheck"])
def test_an_access_of_coroutines_is_refused(name: str) -> None:
    """When its class is made: it would let everything pass."""

    async def check(*_args: object) -> None: ...

    with pytest.raises(ConfigError, match="coroutine"):
        type("Mine", (ProtectedAccess,), {name: check})


def test_an_access_that_finds_nobody_lets_nobody_in() -> None:
    """Whatever it returns, and an owned stream shows nobody the items of others."""
    silent = type("Silent", (ProtectedAccess,), {"authenticate": lambda *_: None})
    client = client_of(type("N", (AuthStreamHandler,), KNOWN | {"access": silent}))
    assert client.get("/n").status == 401
    false = type("False_", (ProtectedAccess,), {"authenticate": lambda *_: False})
    client = client_of(type("N", (AuthStreamHandler,), KNOWN | {"access": false}))
    assert client.get("/n").status == 500

    class Forgetful(ProtectedAccess):
        """Sets the caller, and no viewer."""

        def authenticate(self, context: Context, current_user: object) -> None:
            """Find the caller by a header."""
            context.identified = Caller(str(context.request.header("x-badge")), "")

    declared = KNOWN | {"model": Own, "owned": True, "access": Forgetful}
    assert client_of(type("N", (AuthStreamHandler,), declared)).get("/n").status == 500


def test_an_open_access_that_authenticates_does_so_again() -> None:
    """A feed does not outlive the key by which it was opened."""
    keys = {"five"}

    class Keyed(OpenAccess):
        """Asks for a key."""

        def authenticate(self, context: Context, current_user: object) -> None:
            """Refuse a request without one."""
            if context.request.header("x-key") not in keys:
                raise Problem(403)

    stream: Any = type("N", (StreamHandler,), PLAIN | {"access": Keyed})
    app = Brubeck(streams=[stream], storage="memory://")
    request = Request("GET", "/n", Headers({"X-Key": "five"}), b"")
    admission = Admission(Keyed(stream.spec))
    context = Context(app, app.stream(stream), request, stream, admission)
    admission.admit(context)
    keys.clear()
    with pytest.raises(Problem):
        context.recheck()


def test_a_replay_has_no_cookie_of_another_caller() -> None:
    """Callers of an open stream are one to an ``Idempotency-Key``."""

    def prepare(_self: Any, context: Context) -> None:
        context.set_cookie("sid", str(context.request.header("x-name")))

    client = client_of(type("N", (StreamHandler,), PLAIN | {"prepare": prepare}))
    for name in ("ann", "bob"):
        headers = {"X-Name": name, "Idempotency-Key": "1"}
        reply = client.post("/n", json={"text": "a"}, headers=headers)
        assert [each.partition(";")[0] for each in reply.headers.get_all("Set-Cookie")] == [
            f"sid={name}"
        ]
    assert len(client.get("/n").json()["data"]) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("admit", lambda _self, _context: None),
        ("prepare", lambda _self, _context: None),
        ("get_current_user", lambda _self, _context: None),
        ("owned", True),
        ("read_only", True),
        ("access", ProtectedAccess),
    ],
)
def test_a_guard_that_stands_behind_a_stream_is_refused(name: str, value: object) -> None:
    """The stream's class has the name already, and so the mixin's would be ignored."""
    mixin = type("Guard", (), {name: value})
    with pytest.raises(ConfigError, match=f"Guard.{name} is hidden by .*; name Guard before it"):
        type("N", (AuthStreamHandler, mixin), KNOWN | {"model": Own})
    type("N", (mixin, AuthStreamHandler), KNOWN | {"model": Own})


def test_options_tell_no_partition() -> None:
    """Where a hook admits nobody."""

    def admit(_self: Any, _context: Context) -> None:
        raise Problem(403)

    declared = {"model": Note, "path": "/u/<who>/n", "partitions": "ann", "admit": admit}
    client = client_of(type("N", (StreamHandler,), declared))
    for method in ("GET", "OPTIONS"):
        assert len({client.request(method, f"/u/{who}/n").status for who in ("ann", "x")}) == 1
