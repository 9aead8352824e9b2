"""Pages of other sites write nothing, whichever way a handler finds its user."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import pytest

from brubeck import Brubeck, WebMessageHandler, render
from brubeck.auth import (
    Account,
    BearerAuth,
    Caller,
    CookieAuth,
    Grant,
    UserHandlingMixin,
    authenticated,
    require_same_site,
    same_site_only,
    web_authenticated,
)
from brubeck.http import Headers, Request, Response
from brubeck.http.proxies import Client as Peer
from brubeck.streams import AuthStreamHandler, StreamedDocument
from brubeck.streams.context import Context
from brubeck.testing import Client, Reply

SECRET = "a key of one's own"
OURS = {"Origin": "http://localhost"}
THEIRS = {"Origin": "https://evil.example"}
SENT_BY_OTHERS: list[dict[str, str]] = [
    THEIRS,
    {},  # a program with a cookie jar, or a browser that was told to say nothing
    {"Origin": "null"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "http://localhost.evil.example"},
    {"Referer": "https://evil.example/http://localhost/"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", **OURS},
]
SENT_BY_US: list[dict[str, str]] = [
    OURS,
    {"Origin": "http://localhost:80"},
    {"Referer": "http://localhost/form?page=2"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Sec-Fetch-Site": "none"},
]


class Own(WebMessageHandler, UserHandlingMixin):
    """Finds its user as everybody did in 0.4, or by a token."""

    trusted_origins = ("https://app.example",)

    def get_current_user(self) -> object:
        if self.message.header("authorization"):
            return "a program"
        return self.get_cookie("user", secret=SECRET)

    @web_authenticated
    def get(self) -> Response:
        return self._said()

    @web_authenticated
    def post(self) -> Response:
        return self._said()

    @authenticated
    def put(self) -> Response:
        return self._said()

    def patch(self) -> Response:
        """Ask without a decorator."""
        assert self.current_user
        return self._said()

    def _said(self) -> Response:
        self.set_body(str(self.current_user))
        return self.render()


class LogIn(WebMessageHandler):
    """The form to log in, without the mixin."""

    def get(self) -> Response:
        self.set_cookie("user", "paul", secret=SECRET)
        return self.render(200)

    @same_site_only
    def post(self) -> Response:
        return self.get()


def function(application: Brubeck, message: Request) -> Response:
    """Take a form, as a function does."""
    require_same_site(message)
    return render("in")


class Note(StreamedDocument):
    """Anything."""


class Notes(AuthStreamHandler):
    """A stream that goes by a cookie of its own."""

    model = Note
    path = "/notes"
    cors = ("https://app.example",)

    def get_current_user(self, context: Context) -> Caller | None:
        name = context.get_cookie("user", secret=SECRET)
        return Caller(name, name) if name else None


ROUTES = [("^/own$", Own), ("^/login$", LogIn)]


def program(**options: Any) -> Brubeck:
    """Return a program of all of them."""
    app = Brubeck(handler_tuples=ROUTES, streams=[Notes], login_url="/login", **options)
    app.add_route_rule("^/function$", function, ["POST"])
    return app


def cookie(app: Brubeck) -> dict[str, str]:
    """Return what a browser sends in which paul has logged in."""
    return {"Cookie": Client(app).get("/login").headers["Set-Cookie"].partition(";")[0]}


@pytest.fixture
def browser() -> Client:
    """Return a browser in which paul is logged in."""
    app = program()
    return Client(app, cookie(app))


@pytest.mark.parametrize("headers", SENT_BY_OTHERS, ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_cookie_of_ones_own_writes_for_no_other_site(
    browser: Client, method: str, headers: dict[str, str]
) -> None:
    """With either decorator, and with none."""
    reply = browser.request(method, "/own", headers=headers)
    assert (reply.status, reply.json()["title"]) == (403, "Forbidden")


@pytest.mark.parametrize("headers", [*SENT_BY_US, {"Origin": "https://app.example"}], ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_cookie_of_ones_own_writes_for_this_site(
    browser: Client, method: str, headers: dict[str, str]
) -> None:
    """And for the origins that the handler trusts."""
    reply = browser.request(method, "/own", headers=headers)
    assert (reply.status, reply.text) == (200, "paul")


@pytest.mark.parametrize("headers", SENT_BY_OTHERS, ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_free(browser: Client, method: str, headers: dict[str, str]) -> None:
    """A link to us works from anywhere."""
    assert browser.request(method, "/own", headers=headers).status in (200, 204)


def test_who_is_not_known_is_asked_to_log_in_all_the_same() -> None:
    """No answer tells another site whether somebody is logged in here by its own cookie."""
    for sent in ({}, {"Cookie": "user=forged"}):
        nobody = Client(program(), sent)
        assert nobody.post("/own", headers=THEIRS).status == 303
        assert nobody.put("/own", headers=THEIRS).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
def test_a_token_needs_no_origin(browser: Client, scheme: str) -> None:
    """No page can make a browser send one, whatever cookies go with it."""
    reply = browser.post("/own", headers={"Authorization": f"{scheme} x"})
    assert (reply.status, reply.text) == (200, "a program")


@pytest.mark.parametrize("scheme", ["Basic", "basic", "DIGEST", "Negotiate"])
def test_what_a_browser_sends_by_itself_is_no_token(browser: Client, scheme: str) -> None:
    """A page can have made it ask for a name and a password."""
    assert browser.post("/own", headers={"Authorization": f"{scheme} x"}).status == 403
    assert browser.post("/own", headers={"Authorization": f"{scheme} x", **OURS}).status == 200


def test_without_a_cookie_nobody_was_talked_into_anything() -> None:
    """Unless the browser sends something else by itself, as it does a password."""
    headers = {"Authorization": "Custom x", **THEIRS}
    assert Client(program()).post("/own", headers=headers).status == 200


@pytest.mark.parametrize("headers", SENT_BY_OTHERS, ids=str)
@pytest.mark.parametrize("path", ["/login", "/function"])
def test_no_other_site_logs_somebody_in(path: str, headers: dict[str, str]) -> None:
    """Though there is no cookie yet."""
    reply = Client(program()).post(path, headers=headers)
    assert reply.status == 403
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("headers", SENT_BY_US, ids=str)
@pytest.mark.parametrize("path", ["/login", "/function"])
def test_this_site_does(path: str, headers: dict[str, str]) -> None:
    """From its own page."""
    assert Client(program()).post(path, headers=headers).status == 200


@pytest.mark.parametrize("trusted", [(), "https://app.example", ["https://app.example"]])
def test_a_trusted_origin_is_all_of_it(trusted: Any) -> None:
    """Also if somebody forgets the parentheses around it."""

    class Form(LogIn):
        trusted_origins = trusted

    client = Client(Brubeck(handler_tuples=[("^/$", Form)]))
    assert client.post("/", headers={"Origin": "https://app"}).status == 403
    status = client.post("/", headers={"Origin": "https://app.example"}).status
    assert status == (200 if trusted else 403)


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("ours.example", "https://ours.example", 200),
        ("ours.example:443", "https://ours.example", 200),
        ("ours.example:8443", "https://ours.example:8443", 200),
        ("OURS.example", "https://ours.example", 200),
        ("[::1]:6767", "http://[::1]:6767", 200),
        ("ours.example", "https://ours.example:8443", 403),
        ("ours.example:8443", "https://ours.example", 403),
        ("127.0.0.1:6767", "http://localhost:6767", 403),
        ("ours.example:x", "https://ours.example", 403),
        ("", "https://ours.example", 403),
        ("", "null", 403),
    ],
)
def test_the_host_counts_with_its_port(host: str, origin: str, status: int) -> None:
    """A neighbour on the same machine is another site."""
    assert answer(program(), {"Host": host, "Origin": origin}).status == status


@pytest.mark.parametrize(("trusted", "status"), [("10.0.0.0/8", 200), ("192.168.0.0/16", 403)])
@pytest.mark.parametrize(
    "forwarded",
    [
        {"X-Forwarded-Host": "ours.example", "X-Forwarded-For": "1.2.3.4"},
        {"Forwarded": "for=1.2.3.4;host=ours.example;proto=https"},
    ],
)
def test_the_host_is_the_one_that_the_browser_asked(
    trusted: str, status: int, forwarded: dict[str, str]
) -> None:
    """By the word of a trusted proxy, and of nobody else."""
    app = program()
    family = "forwarded" if "Forwarded" in forwarded else "x-forwarded"
    app.configure(server={"trusted_proxies": trusted, "trusted_headers": family})
    asked = {"Host": "inside:6767", "Origin": "https://ours.example", **forwarded}
    assert answer(app, asked).status == status
    own = {"Host": "inside:6767", "Origin": "http://inside:6767", **forwarded}
    assert answer(app, own).status == (403 if status == 200 else 200)


def answer(app: Brubeck, headers: dict[str, str]) -> Response:
    """Return the answer to a write of paul's, over a connection from 10.0.0.1."""
    sent = Headers(cookie(app) | headers)
    return app.respond(Request("POST", "/own", sent, client=Peer("10.0.0.1", "http", "")))


@pytest.mark.parametrize("headers", SENT_BY_OTHERS, ids=str)
def test_a_stream_with_a_cookie_of_its_own_is_written_by_no_other_site(
    browser: Client, headers: dict[str, str]
) -> None:
    """Even by a body without a type, which a browser asks nobody about."""
    assert browser.post("/notes", body="{}", headers=headers).status == 403
    assert browser.get("/notes", headers=headers).json()["data"] == []
    for ours in (*SENT_BY_US, {"Origin": "https://app.example"}):
        assert browser.post("/notes", body="{}", headers=ours).status == 201


class NoMixin(WebMessageHandler):
    """Has a user of its own, and no mixin."""

    trusted_origins: ClassVar[Collection[str]] = ("https://app.example",)

    @property
    def current_user(self) -> object:
        return self.get_cookie("user", secret=SECRET)

    @authenticated
    def post(self) -> Response:
        self.set_body("in")
        return self.render()


class OwnProperty(NoMixin, UserHandlingMixin):
    """Has both."""


@pytest.mark.parametrize("handler", [NoMixin, OwnProperty])
def test_a_current_user_of_ones_own_is_guarded_by_the_decorators(handler: Any) -> None:
    """Which are all that such a handler has."""
    app = Brubeck(handler_tuples=[("^/$", handler), ("^/login$", LogIn)])
    client = Client(app, cookie(app))
    assert client.post("/", headers=THEIRS).status == 403
    assert client.post("/", headers=OURS).status == 200
    assert client.post("/", headers={"Origin": "https://app.example"}).status == 200


@pytest.mark.parametrize("trusted", ["https://app.example", ["https://app.example"]])
def test_schemes_decide_for_themselves(trusted: Any) -> None:
    """A token is good from anywhere beside any cookie, and a session trusts whom it was told."""
    paul = Account("u1", "paul")
    session = CookieAuth(trusted_origins=trusted, lookup=lambda _: paul)

    class Schemed(WebMessageHandler, UserHandlingMixin):
        schemes = (BearerAuth(lookup=lambda _: Grant(paul)), session)

        def get(self) -> Response:
            session.begin(self, paul)
            return self.render(200)

        @authenticated
        def post(self) -> Response:
            return self.render(200)

    app = Brubeck(handler_tuples=[("^/login$", Schemed)], cookie_secret="a key")
    client = Client(app, cookie(app))

    def post(**headers: str) -> Reply:
        return client.post("/login", headers=headers)

    assert post(Authorization="Bearer brb_x", **THEIRS).status == 200
    assert post(Origin="https://app.example").status == 200
    assert post(**THEIRS).status == 403
