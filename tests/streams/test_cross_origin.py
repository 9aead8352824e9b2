"""CORS: off by default, and no more than was declared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.auth import BasicAuth, BearerAuth, Caller, CookieAuth, Scheme, SignatureAuth
from brubeck.auth.accounts import AuthContext
from brubeck.auth.csrf import require_same_site
from brubeck.errors import ConfigError
from brubeck.http import Headers, Problem, Request
from brubeck.http.origins import Origin
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import AuthStreamHandler, StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.streams.people import World

APP = "https://app.example"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "PUT"}


def client(**declared: Any) -> Client:
    """Make a client of a stream."""
    stream = type("Notes", (StreamHandler,), {"model": StreamedDocument, "path": "/n"} | declared)
    return Client(Brubeck(streams=[stream]))


def told(headers: Any) -> dict[str, str]:
    """Return what a browser is told of origins."""
    return {name: value for name, value in headers.items() if name.lower().startswith("access-")}


def test_nobody_may_until_it_is_declared() -> None:
    """Neither a request nor its preflight."""
    assert told(client().get("/n", headers={"Origin": APP}).headers) == {}
    assert told(client().options("/n/a", headers=PREFLIGHT).headers) == {}


def test_a_named_origin_may_with_its_credentials() -> None:
    """Every answer says so, errors too; any other origin is told nothing."""
    asked = client(cors=(APP,))
    for path, status in (("/n", 200), ("/n/nothing", 404), ("/n?limit=0", 400)):
        reply = asked.get(path, headers={"Origin": APP})
        assert reply.status == status
        assert reply.headers["Access-Control-Allow-Origin"] == APP
        assert reply.headers["Access-Control-Allow-Credentials"] == "true"
        assert "ETag" in reply.headers["Access-Control-Expose-Headers"]
        assert "Origin" in reply.headers["Vary"]
    for origin in ("https://evil.example", "https://app.example.evil", "null", APP.upper()):
        assert told(asked.get("/n", headers={"Origin": origin}).headers) == {}
    assert told(asked.get("/n").headers) == {}


def test_everybody_may_without() -> None:
    """A star and credentials do not go together."""
    reply = client(cors="*").get("/n", headers={"Origin": "null"})
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in reply.headers


def test_a_preflight_says_what_may_be_sent() -> None:
    """Without being admitted or counted: browsers send no credentials with it."""
    world = World(MemoryStorage(), cors=(APP,), rate="1/day")
    for _ in range(3):
        reply = world.ask(None, "OPTIONS", "/a", headers=PREFLIGHT)
        assert reply.status == 204
        assert "PUT" in reply.headers["Access-Control-Allow-Methods"]
        assert "If-Match" in reply.headers["Access-Control-Allow-Headers"]
        assert "Origin" in reply.headers["Vary"]
    reply = world.ask(None, "GET", headers={"Origin": APP})
    assert reply.status == 401
    assert reply.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        ("app://x", "app://x"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://App.Example:443", "https://app.example"),
        ("HTTPS://app.example:", "https://app.example"),
        ("http://app.example:0080", "http://app.example"),
        ("https://app.example:80", "https://app.example:80"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://[2001:DB8::1]", "http://[2001:db8::1]"),
    ],
)
def test_an_origin_is_declared_as_people_write_it(declared: str, sent: str) -> None:
    """And compared as browsers do: for a stream, and for the forms of a site."""
    reply = client(cors=(declared,)).get("/n", headers={"Origin": sent})
    assert reply.headers["Access-Control-Allow-Origin"] == sent
    form = Request("POST", "/", Headers({"Origin": sent, "Host": "other.example"}))
    require_same_site(form, (declared,))
    require_same_site(form, declared)
    with pytest.raises(Problem):
        require_same_site(form, ("https://another.example",))


HOSTS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,20}[A-Za-z0-9])?", fullmatch=True)


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9+.-]{0,10}", fullmatch=True), HOSTS, st.integers(0, 65535))
def test_an_origin_has_one_form(scheme: str, host: str, port: int) -> None:
    """Written out and read again it is the same, whatever its case."""
    origin = Origin.parse(f"{scheme}://{host}:{port}")
    assert Origin.parse(str(origin)) == origin == Origin.parse(str(origin).upper())


class KeyAuth(Scheme):
    """Credentials in a header of their own."""

    name = "key"

    def authenticate(self, request: Request, context: AuthContext) -> Caller | None:
        """Return nobody."""
        return None

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "apiKey", "in": "header", "name": "X-Key"}


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        (SignatureAuth(), ("Signature", "Signature-Input", "Content-Digest")),
        (KeyAuth(), ("X-Key",)),
        (BearerAuth(), ("Authorization",)),
        (BasicAuth(), ("Authorization",)),
    ],
)
def test_a_preflight_allows_the_headers_of_the_schemes(
    scheme: Scheme, names: tuple[str, ...]
) -> None:
    """Without them no page of another origin could be authenticated."""
    declared = {"model": StreamedDocument, "path": "/n", "schemes": (scheme,), "cors": (APP,)}
    stream = type("Notes", (AuthStreamHandler,), declared)
    reply = Client(Brubeck(streams=[stream])).options("/n", headers=PREFLIGHT)
    allowed = reply.headers["Access-Control-Allow-Headers"].split(", ")
    assert set(names) < set(allowed)
    assert len(set(allowed)) == len(allowed)


class Failing(StreamHandler):
    """A stream of which every kind of error can be had."""

    model = StreamedDocument
    path = "/n"
    cors = (APP,)
    max_batch = 2
    rate = "100/day"

    def before_create(self, _context: Any, document: StreamedDocument) -> None:
        """Fail, as a program may."""
        raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/n/nothing", b"", 404),
        ("GET", "/n/", b"", 404),
        ("GET", "/n/a/b", b"", 404),
        ("GET", "/n/%00", b"", 400),
        ("GET", "/n/%ff", b"", 400),
        ("GET", "/n?limit=0", b"", 400),
        ("POST", "/n/a", b"", 405),
        ("TRACE", "/n", b"", 405),
        ("POST", "/n", b"[{},{},{}]", 413),
        ("POST", "/n", b"[", 400),
        ("POST", "/n", b'{"id": "a"}', 500),
    ],
)
def test_every_error_of_a_stream_can_be_read(
    method: str, path: str, body: bytes, status: int
) -> None:
    """Otherwise the page gets a network error and no status."""
    own = Client(Brubeck(streams=[Failing]))
    reply = own.request(method, path, body=body, headers={"Origin": APP})
    assert reply.status == status
    assert reply.headers["Access-Control-Allow-Origin"] == APP
    assert "Origin" in reply.headers["Vary"]
    for other in ("/", "/nn", "/elsewhere"):
        assert told(own.get(other, headers={"Origin": APP}).headers) == {}


def test_one_answer_too_many_can_be_read() -> None:
    """The 429 of a limited stream."""
    own = client(cors=(APP,), rate="1/day")
    replies = [own.get("/n", headers={"Origin": APP}) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 429]
    assert all(reply.headers["Access-Control-Allow-Origin"] == APP for reply in replies)


@pytest.mark.parametrize("trusted", ["app.example", "https://app.example/", "https://", "a b://c"])
def test_a_trusted_origin_that_cannot_be_is_refused(trusted: str) -> None:
    """When the scheme is made."""
    with pytest.raises(ConfigError, match="trusted_origins"):
        CookieAuth("secret", trusted_origins=(trusted,))


@pytest.mark.parametrize("cors", ["app.example", ("https://app.example/",), (1,), 5, ("",)])
def test_an_origin_that_cannot_be_is_refused(cors: Any) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=r"Notes\.cors"):
        client(cors=cors)
