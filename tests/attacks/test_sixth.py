"""Forms of the explorer and its pages: no way around a guard, and no page out of proportion."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck, Problem
from brubeck.dictshield.fields import DictField, ListField, StringField
from brubeck.streams import Context, StreamedDocument, StreamHandler
from brubeck.streams.access import OpenAccess
from brubeck.streams.collection import Collection
from brubeck.streams.items import Items
from brubeck.testing import Client

OURS = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


class Note(StreamedDocument):
    """A note."""

    text = StringField()
    more = DictField()
    rows = ListField([])


def refuse(_self: object, context: Context, *_arguments: object) -> None:
    """Refuse all but reading and creating."""
    if context.request.method not in ("GET", "POST"):
        raise Problem(403, "Only new ones.")


class NoChanges(Items):
    """Items that nobody changes."""

    patch = put = delete = None  # type: ignore[assignment]


class Kept(Items):
    """Items that a method of their own keeps."""

    def patch(self, ids: str) -> Any:
        """Refuse it."""
        raise Problem(403, f"{ids} stays.")

    def delete(self, ids: str) -> Any:
        """Refuse it."""
        raise Problem(403, f"{ids} stays.")


GUARDS: dict[str, dict[str, Any]] = {
    "items without methods": {"items": NoChanges},
    "items that refuse": {"items": Kept},
    "prepare": {"prepare": refuse},
    "admit": {"admit": refuse},
    "before_update": {"before_update": refuse, "before_delete": refuse},
    "access": {"access": type("Mine", (OpenAccess,), {"check_change": refuse})},
}


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("action", ["update", "delete"])
def test_a_form_goes_past_no_guard(guard: str, action: str) -> None:
    """It changes an item by the request that it stands for."""
    declared = {"model": Note, "path": "/n", **GUARDS[guard]}
    stream: Any = type("N", (StreamHandler,), declared)
    app = Brubeck(streams=[stream], storage="memory://")
    client = Client(app)
    assert client.post("/n", json={"id": "a", "text": "first"}).status == 201
    position = client.get("/n/a").headers["ETag"].strip('"')
    fields = {"action": action, "id": "a", "position": position, "item.text": "second"}
    assert client.post("/n", form=fields, headers=OURS).status in (403, 405)
    assert client.get("/n/a").json()["data"]["text"] == "first"


class Closed(Items):
    """Items that nobody reads."""

    def get(self, ids: str) -> Any:
        """Refuse it."""
        raise Problem(403, f"{ids} is secret.")


def test_a_conflict_shows_what_a_get_would_show() -> None:
    """And nothing where that is refused."""
    stream: Any = type("N", (StreamHandler,), {"model": Note, "path": "/n", "items": Closed})
    app = Brubeck(streams=[stream], storage="memory://")
    app.stream(stream).insert({"id": "a", "text": "hush"})
    fields = {"action": "update", "id": "a", "position": "1", "item.text": "guess"}
    reply = Client(app).post("/n", form=fields, headers=OURS)
    assert reply.status == 412
    assert "hush" not in reply.text


def plain_client() -> Client:
    """Return a client of a program with an open stream."""
    stream: Any = type("N", (StreamHandler,), {"model": Note, "path": "/n"})
    return Client(Brubeck(streams=[stream], storage="memory://"))


@pytest.mark.parametrize("field", ["more", "rows"])
def test_the_page_of_a_deep_item_is_no_longer_than_the_item(field: str) -> None:
    """Indentation multiplies each value by its depth."""
    client = plain_client()
    deep = "[" * 28 + ",".join(["0"] * 200_000) + "]" * 28
    value = deep if field == "rows" else f'{{"x":{deep}}}'
    body = f'{{"id":"a","{field}":{value}}}'
    created = client.post("/n", body=body, headers={"Content-Type": "application/json"})
    assert created.status == 201
    assert len(client.get("/n/a", headers=OURS).body) < len(body)
    for fields in (
        {"action": "update", "id": "a", "position": "1", "item.text": "x"},
        {"action": "delete", "id": "a", "position": "1"},
    ):
        assert len(client.post("/n", form=fields, headers=OURS).body) < len(body)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" + "[]," * 1_000_000 + "0]", "{", "[1,"])
def test_a_form_with_a_value_that_is_none_is_refused(text: str) -> None:
    """Before it is decoded, where it is too long; and by an answer, however deep it is."""
    fields = {"action": "create", "item.rows": text}
    assert plain_client().post("/n", form=fields, headers=OURS).status in (413, 422)


class Few(Collection):
    """Pages in JSON alone."""

    representations = {}


def test_a_shape_that_is_taken_away_is_a_406() -> None:
    """By its URL, as by its media type."""
    stream: Any = type("N", (StreamHandler,), {"model": Note, "path": "/n", "collection": Few})
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    assert client.get("/n.atom").status == 406
    assert client.get("/n", headers={"Accept": "application/atom+xml"}).status == 406
