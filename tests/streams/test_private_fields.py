"""Fields that a caller cannot see are neither accepted nor changed by that caller's writes."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import EmbeddedDocumentField, ListField, StringField
from brubeck.errors import ConfigError
from brubeck.queryset import Queryset
from brubeck.storage import Record, Storage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client


class Note(StreamedDocument):
    """A note with what only the program knows of it."""

    text = StringField()
    verdict = StringField()
    _private_fields = ("verdict",)


class Post(StreamedDocument):
    """A note that says which of its fields are public."""

    text = StringField()
    verdict = StringField()
    _public_fields = ("text",)


class Inner(EmbeddedDocument):
    """An embedded document with something to hide."""

    verdict = StringField()
    _private_fields = ("verdict",)


def serve(model: type[StreamedDocument], any_storage: Storage) -> tuple[Client, str]:
    """Return a client of a stream whose program writes a verdict under every new item."""

    def before_create(_self: Any, _context: Any, document: Any) -> None:
        document.verdict = "guilty"

    attributes = {"model": model, "path": f"/n{uuid4().hex[:8]}", "before_create": before_create}
    made: Any = type("Notes", (StreamHandler,), attributes)
    return Client(Brubeck(streams=[made], storage={"default": any_storage})), made.path


def stored(client: Client, item_id: str) -> dict[str, Any]:
    """Return an item as its storage keeps it."""
    (stream,) = client.application.streams
    (found,) = client.application.stream(stream).records().get([item_id])
    assert isinstance(found, Record)
    value: dict[str, Any] = json.loads(found.body)
    return value


@pytest.mark.parametrize("model", [Note, Post])
@pytest.mark.parametrize("value", ["innocent", None, 5, {"a": 1}])
def test_a_hidden_field_is_no_field_to_a_caller(
    model: type[StreamedDocument], value: Any, any_storage: Storage
) -> None:
    """By POST, PUT, PATCH, in a list and in an import: 422, and nothing is changed."""
    client, notes = serve(model, any_storage)
    assert client.put(f"{notes}/a", json={"text": "x"}).status == 201
    body = {"text": "y", "verdict": value}
    replies = [
        client.post(notes, json=body),
        client.put(f"{notes}/a", json=body),
        client.put(f"{notes}/new", json=body),
        client.patch(f"{notes}/a", json=body),
    ]
    for reply in replies:
        assert reply.status == 422
        errors = reply.json()["errors"]
        assert {"pointer": "/verdict", "detail": "Unknown field."} in errors
    (one,) = client.post(notes, json=[body]).json()["data"]
    assert one["status"] == 422
    line = client.post(
        notes,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert json.loads(line.text)["status"] == 422
    assert stored(client, "a")["verdict"] == "guilty"
    assert len(client.get(notes).json()["data"]) == 1


@pytest.mark.parametrize("model", [Note, Post])
def test_a_hidden_field_survives_the_writes_of_who_cannot_see_it(
    model: type[StreamedDocument], any_storage: Storage
) -> None:
    """PUT replaces what the caller sees of the item."""
    client, notes = serve(model, any_storage)
    client.put(f"{notes}/a", json={"text": "x"})
    assert client.put(f"{notes}/a", json={"text": "y"}).status == 200
    assert client.patch(f"{notes}/a", json={"text": "z"}).status == 200
    assert client.put(f"{notes}/a", json={}).status == 200
    assert stored(client, "a")["verdict"] == "guilty"
    assert "verdict" not in client.get(f"{notes}/a").text


def test_every_failing_field_is_named(any_storage: Storage) -> None:
    """The hidden one among them."""
    client, notes = serve(Note, any_storage)
    reply = client.post(notes, json={"text": 5, "verdict": "x", "other": 1})
    pointers = {each["pointer"] for each in reply.json()["errors"]}
    assert pointers == {"/text", "/verdict", "/other"}


@pytest.mark.parametrize(
    "field",
    [EmbeddedDocumentField(Inner), ListField(EmbeddedDocumentField(Inner))],
    ids=["one", "list"],
)
def test_an_embedded_document_with_private_fields_is_refused(field: Any) -> None:
    """Its JSON goes into answers as it is stored."""
    model = type("Outer", (StreamedDocument,), {"inner": field})
    with pytest.raises(ConfigError, match="private fields, which a stream would show"):
        type("Outers", (StreamHandler,), {"model": model, "path": "/outers"})
    hidden = type("Outer", (StreamedDocument,), {"inner": field, "_private_fields": ["inner"]})
    type("Outers", (StreamHandler,), {"model": hidden, "path": "/outers"})


def test_a_required_field_that_nobody_can_give_is_refused() -> None:
    """Unless it has a default."""
    fields = {"verdict": StringField(required=True), "_private_fields": ["verdict"]}
    attributes = {"model": type("Case", (StreamedDocument,), fields), "path": "/cases"}
    with pytest.raises(ConfigError, match="private and required"):
        type("Cases", (StreamHandler,), attributes)


class Task(Document):
    """A document of an AutoAPI."""

    title = StringField()
    verdict = StringField()
    _private_fields = ("verdict",)

    class Meta:
        id_field = StringField


def test_an_autoapi_neither_takes_nor_wipes_a_hidden_field(any_storage: Storage) -> None:
    """As a stream does."""
    queries = Queryset(any_storage, uuid4().hex)
    app = Brubeck()
    app.register_api(type("Tasks", (AutoAPIBase,), {"model": Task, "queries": queries}))
    queries.create(Task(id="a", title="x", verdict="guilty"))
    client = Client(app)
    for reply in (
        client.put("/task/a", json={"title": "y", "verdict": "innocent"}),
        client.post("/task", json={"title": "y", "verdict": "innocent"}),
    ):
        assert reply.status == 422
    assert client.put("/task/a", json={"title": "z"}).status == 200
    (found,) = queries.read(["a"])
    assert (found[1]["title"], found[1]["verdict"]) == ("z", "guilty")
    assert client.put("/task/a,b", json=[{"title": "1"}, {"title": "2"}]).status in (200, 207)
    assert [each[1].get("verdict") for each in queries.read(["a", "b"])] == ["guilty", None]
