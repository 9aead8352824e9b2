"""CORS: off by default, and no more than was declared."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.errors import ConfigError
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import StreamedDocument, StreamHandler
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


@pytest.mark.parametrize("cors", ["app.example", ("https://app.example/",), (1,), 5, ("",)])
def test_an_origin_that_cannot_be_is_refused(cors: Any) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=r"Notes\.cors"):
        client(cors=cors)
