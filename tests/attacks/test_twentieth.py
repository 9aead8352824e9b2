"""Pages in HTML that cost more than they show, and those of a caller that a browser keeps."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.auth import BasicAuth
from brubeck.dictshield.fields import StringField
from brubeck.streams import AuthStreamHandler, OwnedDocument
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller

HTML = {"Accept": "text/html"}
LONGEST = 0.15
"""Seconds of CPU time of a page of one item; of each of these it was 0.3 to 1.5."""


class Note(StreamedDocument):
    """An item with values that no other has."""

    kind = StringField()
    author = StringField()
    title = StringField()


class Notes(StreamHandler):
    """A stream with filters."""

    model = Note
    path = "/notes"
    filters = ("kind__in", "author", "title")


class Journal(AuthStreamHandler):
    """A stream that anyone may read, and owners write."""

    model = OwnedDocument
    path = "/journal"
    schemes = (Badge(), BasicAuth())
    may_read = "anyone"


@pytest.fixture(scope="module")
def client() -> Client:
    """Return a client of a stream of many values."""
    app = Brubeck(streams=[Notes], storage="memory://")
    notes = app.stream(Notes)
    for start in range(0, 2000, 500):
        numbers = range(start, start + 500)
        titles = (("\xe9" * 400 + str(number), number) for number in numbers)
        notes.insert_many(
            [{"kind": "a", "author": f"user {number}", "title": text} for text, number in titles]
        )
    return Client(app)


@pytest.mark.parametrize("length", [0, 1, 10, 30])
def test_a_page_of_one_item_costs_what_it_shows(client: Client, length: int) -> None:
    """Links were made for 2,000 values of a field, and dropped, since it has more than twelve."""
    wanted = [("kind__in", chr(0x4E00 + n) * length) for n in range(49)] if length else []
    query = urlencode([("limit", "1"), *wanted, ("kind__in", "a")])
    taken = []
    for _ in range(4):  # the first one compiles the templates
        start = time.process_time()
        page = client.get(f"/notes?{query}", headers=HTML)
        taken.append(time.process_time() - start)
        assert page.status == 200
        client.post("/notes", json={"kind": "a"})  # what was counted is counted anew
    assert min(taken) < LONGEST


def test_a_long_filter_is_repeated_in_few_links(client: Client) -> None:
    """Each of fifty links had the other forty-nine values: a page had 0.9 MB for one item."""
    wanted = [("kind__in", chr(0x4E00 + n) * 30) for n in range(49)]
    query = urlencode([("limit", "1"), *wanted, ("kind__in", "a")])
    page = client.get(f"/notes?{query}", headers=HTML)
    assert len(page.body) < 30 * len(query)


@pytest.mark.parametrize("target", ["/journal", "/journal/one"])
def test_a_page_with_forms_for_a_caller_is_of_that_caller(target: str) -> None:
    """Also where anyone may read, and there is no log-in of the program's."""
    client = Client(Brubeck(streams=[Journal], storage="memory://"))
    ann = as_caller("ann")
    assert client.put("/journal/one", json={}, headers=ann).status == 201
    stranger = client.get(target, headers=HTML)
    assert "private" not in stranger.headers["Cache-Control"]
    for known in ({"Cookie": "session=x"}, {"Authorization": "Basic eDp4"}):
        page = client.get(target, headers=HTML | known)
        assert page.headers["Cache-Control"] == "private, no-store"
