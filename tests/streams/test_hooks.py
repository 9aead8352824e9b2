"""Hooks around writes: when they run, what they may do, and what they may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import IntField, StringField
from brubeck.http import Problem
from brubeck.storage import Change
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client


class Note(StreamedDocument):
    """A note."""

    text = StringField(max_length=10)
    revision = IntField()


class Notes(StreamHandler):
    """Counts revisions, and knows words that it does not want."""

    model = Note
    path = "/notes"
    told: list[list[tuple[str, bool]]]

    def before_create(self, _context: Any, document: Any) -> None:
        """Begin to count."""
        if document.text == "bad":
            raise Problem(422, "Not that word.", errors=[("/text", "Not that word.")])
        if document.text == "odd":
            document.text = "much longer than it may be"
        if document.text == "move":
            document.id = "elsewhere"
        document.revision = 1

    def before_update(self, _context: Any, document: Any, stored: Any) -> None:
        """Count."""
        document.revision = stored.revision + 1

    def before_delete(self, _context: Any, stored: Any) -> None:
        """Keep what is dear."""
        if stored.text == "dear":
            raise Problem(403, "It is dear.")

    def after_change(self, _context: Any, changes: Sequence[Change]) -> None:
        """Take note, and fail."""
        self.told.append([(each.id, each.record is not None) for each in changes])
        raise RuntimeError("It is too late for that.")


@pytest.fixture
def told() -> list[list[tuple[str, bool]]]:
    """Return what `after_change` was told."""
    return []


@pytest.fixture
def client(told: list[list[tuple[str, bool]]]) -> Client:
    """Make a client of a program whose hooks are all used."""
    stream: type[StreamHandler] = type("Told", (Notes,), {"told": told})
    return Client(Brubeck(streams=[stream]))


def test_a_hook_completes_what_is_stored(client: Client) -> None:
    """What it sets is answered and kept; a body's own word for it does not count."""
    made = client.post("/notes", json={"id": "a", "revision": 7}).json()["data"]
    assert made["revision"] == 1
    assert client.put("/notes/a", json={"text": "x"}).json()["data"]["revision"] == 2
    assert client.patch("/notes/a", json={"text": "y"}).json()["data"]["revision"] == 3
    assert client.get("/notes/a").json()["data"]["revision"] == 3


def test_a_hook_refuses(client: Client, told: list[list[tuple[str, bool]]]) -> None:
    """Each item by itself, and nothing of it happens."""
    assert client.post("/notes", json={"text": "bad"}).status == 422
    found = client.post("/notes", json=[{"text": "bad"}, {"id": "b", "text": "dear"}]).json()
    assert [each["status"] for each in found["data"]] == [422, 201]
    assert client.delete("/notes/b").status == 403
    found = client.delete("/notes/b,b").json()["data"]
    assert [each["status"] for each in found] == [403, 403]
    assert client.get("/notes/b").status == 200
    assert told == [[("b", True)]]


def test_what_a_hook_leaves_is_looked_at(client: Client) -> None:
    """An invalid document is refused; one that is another item now is the program's mistake."""
    assert client.post("/notes", json={"text": "odd"}).status == 422
    assert client.post("/notes", json={"text": "move"}).status == 500
    assert client.get("/notes").json()["data"] == []


def test_what_follows_cannot_undo(client: Client, told: list[list[tuple[str, bool]]]) -> None:
    """It is told once a request, of what happened; its failure is logged."""
    assert client.post("/notes", json=[{"id": "a"}, {"id": "b"}]).status == 201
    assert client.delete("/notes/a").status == 204
    assert client.delete("/notes/a").status == 410
    assert client.put("/notes/c", json={}).status == 201
    assert told == [[("a", True), ("b", True)], [("a", False)], [("c", True)]]
