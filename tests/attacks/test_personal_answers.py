"""Answers that depend on the caller, and what keeps them out of shared caches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brubeck import Brubeck, Request, Response, WebMessageHandler, render
from brubeck.auth import (
    BasicAuth,
    BearerAuth,
    SignatureAuth,
    UserHandlingMixin,
    authenticated,
    web_authenticated,
)
from brubeck.auth.signed_messages import signed_headers
from brubeck.http import Headers, StreamingResponse
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller


class Name(WebMessageHandler, UserHandlingMixin):
    """A page that shows the name of its user."""

    def get(self) -> Response:
        """Return the page."""
        user = self.current_user
        self.set_body("nobody" if user is None else user.id)
        return self.render()


def is_private(reply: Any) -> bool:
    """Return whether no shared cache may store a reply."""
    said = reply.headers.get("cache-control", "")
    return "private" in said or "no-store" in said


def test_a_page_for_the_user_of_a_custom_header_is_private() -> None:
    """With the header and without it: nobody else may get either page."""
    page = type("Page", (Name,), {"schemes": (Badge(),)})
    client = Client(Brubeck(handler_tuples=[("^/me$", page)]))
    named, unnamed = client.get("/me", headers=as_caller("paul")), client.get("/me")
    assert (named.text, unnamed.text) == ("paul", "nobody")
    assert is_private(named)
    assert is_private(unnamed)


def test_a_page_for_the_user_of_a_signature_is_private() -> None:
    """A GET that is signed has a page of its own."""
    page = type("Page", (Name,), {"schemes": (SignatureAuth(),)})
    app = Brubeck(handler_tuples=[("^/me$", page)], storage="memory://")
    dave = app.accounts.users.create("dave")
    key = app.accounts.keys.create(dave)
    signed = signed_headers(
        *("GET", "http://localhost/me", b""),
        key_id=key.id,
        secret=key.secret,
        created=int(time.time()),
        nonce="one",
    )
    reply = Client(app).get("/me", headers=signed)
    assert reply.text == dave.id
    assert is_private(reply)


def replaced_by(request: Request) -> Headers:
    """Return headers that took over those of a request."""
    headers = Headers()
    headers.replace(request.headers)
    return headers


READS: dict[str, Callable[[Request], object]] = {
    "header, in capitals": lambda request: request.header("Cookie"),
    "header, authorization": lambda request: request.header("Authorization"),
    "headers.copy": lambda request: request.headers.copy().get("cookie"),
    "headers.having": lambda request: request.headers.having("X-A", "b").get("cookie"),
    "headers.replace": lambda request: replaced_by(request).get("cookie"),
    "headers.lacks": lambda request: request.headers.lacks(frozenset(("cookie",))),
}


@pytest.mark.parametrize("read", READS)
def test_however_a_handler_reads_the_cookie_the_answer_is_private(read: str) -> None:
    """By a name in capitals, or from a copy of the headers."""

    def page(_app: Brubeck, request: Request) -> Response:
        return render(str(READS[read](request)), 200)

    client = Client(Brubeck(handler_tuples=[("^/$", page)]))
    reply = client.get("/", headers={"Cookie": "a=1", "Authorization": "x y"})
    assert reply.text == "None" or is_private(reply)


def test_a_stream_that_reads_the_cookie_while_it_is_sent_is_private() -> None:
    """Or the read fails; but no other caller gets the bytes from a cache."""

    def page(_app: Brubeck, request: Request) -> Response:
        def chunks() -> Iterator[bytes]:
            yield str(request.cookies).encode()

        return StreamingResponse(chunks(), headers={"Content-Type": "text/plain"})

    client = Client(Brubeck(handler_tuples=[("^/$", page)]))
    with client.get("/", headers={"Cookie": "a=1"}) as reply:
        if b"a" in b"".join(reply.chunks()):
            assert is_private(reply)


HELD: dict[str, Callable[[Request], object]] = {
    "values": lambda request: list(request.headers.values()),
    "equality": lambda request: request.headers == {},
    "text": lambda request: request.headers.text(),
    "shown": lambda request: repr(request.headers),
    "unpacked": lambda request: {**request.headers},
    "cookies": lambda request: request.cookies.get("a"),
}


@pytest.mark.parametrize("read", HELD)
def test_other_ways_to_read_the_caller_are_noted(read: str) -> None:
    """All of them make the answer private."""

    def page(_app: Brubeck, request: Request) -> Response:
        return render(str(HELD[read](request)), 200)

    client = Client(Brubeck(handler_tuples=[("^/$", page)]))
    reply = client.get("/", headers={"Cookie": "a=1"})
    assert is_private(reply)
    assert "Cookie" in reply.headers["Vary"]


@pytest.mark.parametrize("guard", [authenticated, web_authenticated])
def test_a_refusal_is_private_too(guard: Callable[[Any], Any]) -> None:
    """A 401, and a redirection to the form to log in."""

    class Page(WebMessageHandler, UserHandlingMixin):
        schemes = (BearerAuth(), BasicAuth())

        @guard
        def get(self) -> Response:
            return self.render()

    app = Brubeck(handler_tuples=[("^/$", Page)], storage="memory://", login_url="/login")
    reply = Client(app).get("/")
    assert reply.status in (302, 401)
    assert is_private(reply)
