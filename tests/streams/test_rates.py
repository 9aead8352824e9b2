"""Rate limits, and who is counted as whom."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.errors import ConfigError
from brubeck.http.proxies import network
from brubeck.storage import Storage
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from brubeck.timekeeping import HeldClock
from tests.streams.people import World

NOW = 1_700_000_000_000_000  # 20 seconds into its minute


def quakes(**declared: Any) -> type[StreamHandler]:
    """Declare a stream."""
    attributes = {"model": StreamedDocument, "path": f"/quakes-{uuid4().hex[:8]}", **declared}
    return type("Quakes", (StreamHandler,), attributes)


def test_what_is_left_is_said_until_nothing_is(any_storage: Storage) -> None:
    """On every storage; whatever the answer is, and whoever asks from the same place."""
    stream = quakes(rate="3/day")
    client = Client(Brubeck(streams=[stream], storage={"default": any_storage}))
    assert client.get(stream.path).headers["RateLimit-Policy"] == '"default";q=3;w=86400'
    assert client.get(f"{stream.path}/nothing").headers["RateLimit"].startswith('"default";r=1;t=')
    assert client.post(stream.path, json={}).headers["RateLimit"].startswith('"default";r=0;t=')
    refused = client.post(stream.path, json={"id": "more"})
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=')
    assert client.options(stream.path).status == 204
    assert any_storage.records(stream.spec.path.stream(""), stream.spec.schema).get(["more"]) == [
        None
    ]


def test_a_window_ends_when_it_said() -> None:
    """Then the count begins again."""
    clock = HeldClock(NOW)
    stream = quakes(rate="1/minute")
    storage = MemoryStorage(clock=clock)
    client = Client(Brubeck(streams=[stream], storage={"default": storage}, clock=clock))
    assert client.get(stream.path).headers["RateLimit"] == '"default";r=0;t=40'
    assert client.get(stream.path).headers["Retry-After"] == "40"
    clock.advance(40_000_000)
    assert client.get(stream.path).status == 200


def test_everybody_is_counted_alone() -> None:
    """And who is refused is counted by the place that they come from, not as whom they say."""
    world = World(MemoryStorage(), rate="2/day")
    assert [world.ask("ann", "GET").status for _ in range(3)] == [200, 200, 429]
    assert world.ask("bob", "GET").status == 200
    assert [world.ask("zoe", "GET").status for _ in range(3)] == [401, 401, 429]
    assert world.ask("bob", "GET").status == 200


@pytest.mark.parametrize("word", ["from", "refused"])
def test_no_caller_uses_up_the_quota_of_a_stranger(word: str) -> None:
    """Whatever its id is."""
    declared = {"owned": False, "may_read": "anyone", "may_write": "owner", "scopes": {}}
    world = World(MemoryStorage(), rate="2/day", **declared)
    address = network("127.0.0.1")  # that of the client of tests
    name = f"{word} {address}"
    world.rights[name] = frozenset()
    assert [world.ask(name, "POST", json={}).status for _ in range(3)] == [201, 201, 429]
    assert world.ask(None, "GET").status == 200


def test_a_network_is_one_place() -> None:
    """The 64 bits that a home of IPv6 has."""
    assert network("192.0.2.7") == "192.0.2.7"
    assert network("2001:db8::1") == network("2001:db8::2:0:1:9")
    assert network("2001:db8::1") != network("2001:db8:0:1::1")
    assert network("::ffff:192.0.2.7") == "192.0.2.7"
    assert network("@") == "@"


@pytest.mark.parametrize(
    "rate", ["fast", "0/minute", "5/", "/minute", "5/fortnight", 5, "5 /minute"]
)
def test_a_rate_that_cannot_be_is_refused(rate: Any) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=r"Quakes\.rate is like"):
        quakes(rate=rate)
