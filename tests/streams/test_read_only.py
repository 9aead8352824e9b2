"""A stream that only its program writes."""

from __future__ import annotations

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.storage import Put
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client


class Reading(StreamedDocument):
    """What an instrument says."""

    text = StringField()


class Readings(StreamHandler):
    """What instruments say."""

    model = Reading
    read_only = True


@pytest.fixture
def client() -> Client:
    """Make a client of a program that has written one item."""
    app = Brubeck(streams=[Readings])
    reading = Reading(id="a", created_at=1, updated_at=1, text="calm")
    app.stream(Readings).records().write(
        [Put(id="a", created_at=1, body=reading.encode(), token="t")]
    )
    return Client(app)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", "/reading"), ("PUT", "/reading/a"), ("PUT", "/reading/b")),
        *(("PATCH", "/reading/a"), ("DELETE", "/reading/a"), ("POST", "/reading/changes")),
    ],
)
def test_nobody_writes_over_http(client: Client, method: str, path: str) -> None:
    """And who tries is told what there is."""
    response = client.request(method, path, json={"text": "storm"})
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert [each["text"] for each in client.get("/reading").json()["data"]] == ["calm"]


def test_it_is_read_as_any_other(client: Client) -> None:
    """Pages, items and changes."""
    assert client.get("/reading/a").json()["data"]["text"] == "calm"
    assert [each["id"] for each in client.get("/reading/changes").json()["data"]] == ["a"]


def test_it_is_described_so(client: Client) -> None:
    """Without operations that would be refused."""
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/reading", "/reading/{id}", "/reading/changes"):
        assert set(paths[path]) <= {"get", "parameters"}
