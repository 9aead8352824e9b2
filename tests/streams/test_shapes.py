"""Each shape of a stream has a URL of its own: what `Accept` asks for, in the address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, StringField
from brubeck.errors import ConfigError
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams.collection import SHAPES
from brubeck.testing import Client


class Quake(StreamedDocument):
    """An item."""

    place = StringField()
    latitude = FloatField()
    longitude = FloatField()


DECLARED: dict[str, Any] = {"model": Quake, "path": "/quakes", "filters": ("place",)}


def client_of(**declared: Any) -> Client:
    """Return a client of a program with a stream of thirty items."""
    stream: Any = type("Quakes", (StreamHandler,), DECLARED | declared)
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    for number in range(30):
        path = stream.path.replace("<owner>", "ella")
        place = "Hilo" if number % 3 else "Ridgecrest"
        assert client.put(f"{path}/q{number}", json={"place": place}).status == 201
    return client


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("query", ["", "?place=Hilo", "?order=oldest&fields=place"])
def test_a_shape_is_what_its_media_type_is(shape: str, query: str) -> None:
    """Byte for byte, but for the links to further pages, which keep the shape."""
    client = client_of()
    by_url = client.get(f"/quakes.{shape}{query}", headers={"Accept": "text/html, */*"})
    by_accept = client.get(f"/quakes{query}", headers={"Accept": SHAPES[shape]})
    assert by_url.status == by_accept.status == 200
    assert by_url.headers["Content-Type"] == by_accept.headers["Content-Type"]
    kept = by_url.body.replace(f"/quakes.{shape}".encode(), b"/quakes")
    assert kept == by_accept.body


@pytest.mark.parametrize("shape", ["json", "atom", "feed.json"])
def test_a_walk_keeps_the_shape(shape: str) -> None:
    """From page to page, to the end."""
    client = client_of(page_size=7)
    url: str | None = f"/quakes.{shape}"
    found: list[str] = []
    while url:
        assert url.startswith(f"/quakes.{shape}")
        page = client.get(url)
        if shape == "atom":
            parsed = feedparser.parse(page.body)
            found += [each.link.rpartition("/")[2] for each in parsed.entries]
            following = [each.href for each in parsed.feed.links if each.rel == "next"]
        elif shape == "json":
            found += [each["id"] for each in page.json()["data"]]
            following = [page.json()["paging"]["next"]]
            assert page.json()["paging"]["changes"].startswith("/quakes/changes?")
        else:
            found += [each["url"].rpartition("/")[2] for each in page.json()["items"]]
            following = [page.json().get("next_url")]
        link = urlsplit(following[0] if following and following[0] else "")
        url = f"{link.path}?{link.query}" if link.query else None
    assert sorted(found) == sorted(f"q{number}" for number in range(30))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_shape_is_only_read(shape: str, method: str) -> None:
    """Everything else is done at the stream's own URL."""
    client = client_of()
    answer = getattr(client, method)(f"/quakes.{shape}")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert client.request("HEAD", f"/quakes.{shape}").status == 200


def test_an_id_that_ends_like_a_shape_wins() -> None:
    """An item by its name without the end is found only where there is none with it."""
    client = client_of()
    assert client.get("/quakes/q1.json").json() == client.get("/quakes/q1").json()
    assert client.get("/quakes/q1.json", headers={"Accept": "text/html"}).json()
    client.put("/quakes/q1.json", json={"place": "exact"})
    assert client.get("/quakes/q1.json").json()["data"]["place"] == "exact"
    missing = client.get("/quakes/zz.json")
    assert missing.status == 404
    assert client.put("/quakes/q2.json", json={"place": "other"}).status == 201


@pytest.mark.parametrize("shape", ["xml", "JSON", "json.csv", "", "feed"])
def test_another_end_is_no_shape(shape: str) -> None:
    """It is another path."""
    assert client_of().get(f"/quakes.{shape}").status == 404


def test_a_partition_keeps_its_dots() -> None:
    """Where the path ends with the argument all of it is the key; before that, shapes are known."""
    client = client_of(path="/quakes/<owner>")
    assert client.get("/quakes/ella.csv").json()["data"] == []
    client = client_of(path="/of/<owner>/quakes")
    assert client.get("/of/ella/quakes.csv").text.startswith("id,")


def test_two_streams_do_not_share_a_url() -> None:
    """A stream whose path is the shape of another is refused."""
    first: Any = type("Quakes", (StreamHandler,), DECLARED)
    second: Any = type("Table", (StreamHandler,), DECLARED | {"path": "/quakes.csv"})
    for streams in ([first, second], [second, first]):
        with pytest.raises(ConfigError, match=r"/quakes\.csv is the URL of a shape of /quakes"):
            Brubeck(streams=streams)
