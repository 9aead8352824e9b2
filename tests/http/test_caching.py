"""Answers that depend on who the caller is are kept out of shared caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brubeck import Brubeck, Problem, Request, Response, WebMessageHandler, render
from brubeck.auth import (
    BasicAuth,
    Caller,
    CookieAuth,
    Scheme,
    SignatureAuth,
    UserHandlingMixin,
    authenticated,
)
from brubeck.http import Headers, StreamingResponse
from brubeck.http.headers import list_values
from brubeck.testing import Client


class Page(WebMessageHandler, UserHandlingMixin):
    """A page that reads something of its request."""

    schemes = (CookieAuth(), BasicAuth())
    look: Callable[[Any], object]

    def get(self) -> Response:
        """Return a page, whatever was read."""
        type(self).look(self)
        self.set_body("a page")
        return self.render()


READS: dict[str, tuple[Callable[[Any], object], set[str]]] = {
    "current_user": (lambda self: self.current_user, {"Cookie", "Authorization"}),
    "get_cookie": (lambda self: self.get_cookie("theme"), {"Cookie"}),
    "get_cookie, signed": (lambda self: self.get_cookie("theme", secret="s"), {"Cookie"}),
    "message.cookies": (lambda self: self.message.cookies, {"Cookie"}),
    "message.headers.get": (lambda self: self.message.headers.get("cookie"), {"Cookie"}),
    "message.headers.get, mixed case": (
        lambda self: self.message.headers.get("AUTHORIZATION"),
        {"Authorization"},
    ),
    "message.headers[]": (lambda self: self.message.headers.get_all("Cookie"), {"Cookie"}),
    "in message.headers": (lambda self: "Cookie" in self.message.headers, {"Cookie"}),
    "message.header": (lambda self: self.message.header("authorization"), {"Authorization"}),
    "set_cookie": (lambda self: self.set_cookie("theme", "dark"), set()),
    "delete_cookies": (lambda self: self.delete_cookies(), {"Cookie"}),
    "all headers": (
        lambda self: list(self.message.headers.pairs()),
        {"Cookie", "Authorization"},
    ),
    "items": (lambda self: dict(self.message.headers), {"Cookie", "Authorization"}),
}


def ask(look: Callable[[Any], object], **headers: str) -> Any:
    """Return the reply of a page that reads something."""
    page = type("Page", (Page,), {"look": staticmethod(look)})
    app = Brubeck(handler_tuples=[("^/$", page)], cookie_secret="a long random text")
    return Client(app).get("/", headers=headers)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("sent", [{}, {"Cookie": "theme=dark"}, {"Authorization": "Basic eDp5"}])
def test_whatever_reads_the_caller_is_private(read: str, sent: dict[str, str]) -> None:
    """Also where the request brought nothing: the answer to the next one is another."""
    look, names = READS[read]
    reply = ask(look, **sent)
    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "private, no-store"
    assert names <= set(list_values(reply.headers.get("Vary", "")))


class ByQuery(Scheme):
    """Finds the caller by the query."""

    name = "query"

    def authenticate(self, request: Request, _context: Any) -> Caller | None:
        """Return the caller that the query names; 403 for one that is not let in."""
        if request.query == "eve":
            raise Problem(403)
        return Caller(request.query, "") if request.query else None

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "apiKey", "in": "query", "name": "user"}


class ByHeaders(ByQuery):
    """Finds the caller by two headers."""

    request_headers = ("X-Badge", "X-Gate")


class ByAddress(Page):
    """Finds the user by the address."""

    def get_current_user(self) -> Any:
        """Return the address."""
        return self.message.remote_addr or None


@pytest.mark.parametrize("query", ["", "?dave", "?eve"])
@pytest.mark.parametrize(
    ("page", "names"),
    [
        (type("Page", (Page,), {"schemes": (ByQuery(),)}), ["*"]),
        (type("Page", (Page,), {"schemes": (ByHeaders(),)}), ["X-Badge", "X-Gate"]),
        (type("Page", (Page,), {"schemes": (SignatureAuth(),)}), ["Signature", "Signature-Input"]),
        (ByAddress, ["*"]),
    ],
)
def test_a_user_found_in_another_way_makes_a_page_private(
    page: Any, names: list[str], query: str
) -> None:
    """By other headers than those of HTTP, and by what is no header: ``Vary`` is ``*`` then."""
    look = staticmethod(lambda self: self.current_user)
    app = Brubeck(handler_tuples=[("^/$", type("Page", (page,), {"look": look}))])
    reply = Client(app).get(f"/{query}")
    assert "no-store" in reply.headers["Cache-Control"]
    assert set(names) <= set(list_values(reply.headers["Vary"]))


def test_a_body_that_is_made_while_it_is_sent_is_private() -> None:
    """Unless its handler says otherwise; the headers that the handler gave stay as they are."""
    given = Headers()
    assert "private" in StreamingResponse(iter([b"a"]), headers=given).headers["Cache-Control"]
    assert "Cache-Control" not in given
    public = {"Cache-Control": "public"}
    assert StreamingResponse(iter([b"a"]), headers=public).headers["Cache-Control"] == "public"
    assert "Cache-Control" not in StreamingResponse([b"a"]).headers


def test_what_reads_nothing_of_the_caller_is_left_alone() -> None:
    """A page is as its handler made it."""
    reply = ask(lambda self: self.message.headers.get("accept"), Cookie="theme=dark")
    assert "Cache-Control" not in reply.headers
    assert "Vary" not in reply.headers


def test_a_handler_has_the_last_word() -> None:
    """On how long its answer is kept; what it depends on is still said."""

    def look(self: Any) -> None:
        self.get_cookie("theme")
        self.headers["Cache-Control"] = "public, max-age=60"
        self.headers["Vary"] = "Accept"

    reply = ask(look)
    assert reply.headers["Cache-Control"] == "public, max-age=60"
    assert list_values(reply.headers["Vary"]) == ["Accept", "Cookie"]


SHARED = render("for everybody")


def test_functions_streams_errors_and_shared_answers() -> None:
    """Each of them, and one response that many share stays as it is."""

    def shared(_app: Brubeck, message: Request) -> Response:
        assert message.cookies is not None
        return SHARED

    def streamed(_app: Brubeck, message: Request) -> Response:
        assert message.cookies is not None
        return StreamingResponse([b"a"])

    class Guarded(Page):
        @authenticated
        def get(self) -> Response:
            raise AssertionError("nobody is known here")

    routes: list[tuple[str, Any]] = [
        ("^/shared$", shared),
        ("^/streamed$", streamed),
        ("^/guarded$", Guarded),
    ]
    client = Client(Brubeck(handler_tuples=routes, cookie_secret="a long random text"))
    for path in ("/shared", "/streamed"):
        reply = client.get(path)
        assert reply.headers["Cache-Control"] == "private, no-store"
        assert reply.headers["Vary"] == "Cookie"
    assert "no-store" in client.get("/guarded").headers["Cache-Control"]
    assert "Cache-Control" not in SHARED.headers
