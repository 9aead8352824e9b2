"""Pages, changes and exports of large items: bounded in bytes, and whole."""

from __future__ import annotations

import gzip
import json

from brubeck import Brubeck, Request
from brubeck.canonical import MAX_BYTES
from brubeck.dictshield.fields import StringField
from brubeck.storage.sizes import STEP_BYTES
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client


class Tape(StreamedDocument):
    """A recording."""

    sound = StringField()


class Tapes(StreamHandler):
    """Recordings of any length."""

    model = Tape
    path = "/tapes"


MOST = STEP_BYTES + MAX_BYTES + 2000
"""Bytes of an answer: a step, the item that filled it, and the frame around both."""


def _filled(count: int, size: int) -> Client:
    client = Client(Brubeck(streams=[Tapes]))
    for number in range(count):
        item = {"id": f"t{number:02}", "sound": chr(97 + number % 26) * size}
        assert client.post("/tapes", json=item).status == 201
    return client


def test_a_reader_of_large_items_gets_them_in_pages_of_few() -> None:
    """Along `next` everything comes once; so it does along the changes."""
    client = _filled(12, 500_000)
    for path in ("/tapes?limit=200", "/tapes/changes?limit=200"):
        url: str | None = path
        seen, sizes = list[str](), list[int]()
        while url is not None:
            answer = client.get(url)
            assert answer.status == 200
            found = answer.json()
            seen += [each["id"] for each in found["data"]]
            sizes.append(len(answer.body))
            more = "changes" not in path or found["data"]
            url = found["paging"]["next"] if more else None
        assert sorted(seen) == [f"t{number:02}" for number in range(12)], path
        assert max(sizes) <= MOST
        assert len(sizes) > 2


def test_a_page_for_people_is_bounded_too() -> None:
    """HTML, Atom and JSON Feed are made of the same page."""
    client = _filled(12, 500_000)
    for media_type in ("text/html", "application/atom+xml", "application/feed+json"):
        answer = client.get("/tapes?limit=200", headers={"Accept": media_type})
        assert answer.status == 200
        assert len(answer.body) <= 2 * MOST, media_type


def test_an_export_of_large_items_is_whole() -> None:
    """However many steps it takes."""
    client = _filled(12, 500_000)
    answer = client.get("/tapes", headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [each["id"] for each in lines] == [f"t{number:02}" for number in range(11, -1, -1)]


def test_a_page_that_is_kept_is_compressed_once() -> None:
    """For as long as it is the page, whoever asks for it."""
    app = Brubeck(streams=[Tapes])
    client = Client(app)
    client.post("/tapes", json={"id": "a", "sound": "la " * 1000})

    def zipped() -> bytes:
        answer = app.respond(Request("GET", "/tapes", [(b"accept-encoding", b"gzip")]))
        assert answer.headers["Content-Encoding"] == "gzip"
        return answer.body

    first, second, third = zipped(), zipped(), zipped()
    assert second is third
    assert first == second
    plain = client.get("/tapes").body
    assert gzip.decompress(third) == plain
    client.post("/tapes", json={"id": "b", "sound": "lo " * 1000})
    assert gzip.decompress(zipped()) == client.get("/tapes").body != plain
