"""Attacks found by a second reader: long names, one item named often, parts of parts."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from brubeck import Brubeck
from brubeck.autoapi import AutoAPIBase
from brubeck.canonical import faults
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import DictField, EmbeddedDocumentField, StringField
from brubeck.errors import ConfigError
from brubeck.storage.sizes import STEP_BYTES
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client


class Item(StreamedDocument):
    """An item with room for anything."""

    more = DictField()
    text = StringField()


class Items(StreamHandler):
    """A public stream."""

    model = Item
    path = "/items"


def test_a_long_name_is_not_copied_for_each_member_below_it() -> None:
    """A name of 300 kB above 3,000 numbers: 900 MB of pointers, if each had one."""
    value = {"more": {"x" * 300_000 + "😀": [1] * 3000}}
    tracemalloc.start()
    try:
        assert list(faults(value)) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
    value["more"]["y" * 300_000] = [1, float("nan")]  # type: ignore[list-item]
    ((pointer, _),) = faults(value)
    assert pointer.startswith("/more/yyy")
    assert pointer.endswith("/1")
    assert len(pointer) < 500


def test_one_item_named_often_is_not_answered_often() -> None:
    """What has no room in the answer is a 507, and everything can be read by itself."""
    client = Client(Brubeck(streams=[Items]))
    for name in "abc":
        assert client.put(f"/items/{name}", json={"text": name * 900_000}).status == 201
    reply = client.get("/items/" + ",".join("abcabcabca" * 10))
    assert len(reply.body) < STEP_BYTES + 11_000_000  # a batch of ten past the bound
    statuses = [each["status"] for each in reply.json()["data"]]
    assert (len(statuses), statuses[0], statuses[-1]) == (100, 200, 507)
    assert client.delete("/items/a,b,c").status == 200


def test_an_autoapi_shows_no_private_field_of_a_part() -> None:
    """A model with one is refused, as in a stream."""

    class Part(EmbeddedDocument):
        """Half of it is private."""

        shown = StringField()
        secret = StringField()
        _private_fields = ("secret",)

    class Whole(Document):
        """A document with a part."""

        id = StringField()
        part = EmbeddedDocumentField(Part)

    class Wholes(AutoAPIBase):
        """An AutoAPI of it."""

        model = Whole

    with pytest.raises(ConfigError, match="private fields"):
        Brubeck(storage="memory://").register_api(Wholes)


@pytest.mark.parametrize("number", [1, 2**63, -(2**63) - 1, 1e400])
def test_a_patch_is_judged_by_its_values(number: float) -> None:
    """However they are written."""
    client = Client(Brubeck(streams=[Items]))
    client.put("/items/a", json={})
    body = json.dumps({"more": {"n": [[number]]}}).replace("Infinity", "1e400")
    reply = client.patch("/items/a", body=body, headers={"Content-Type": "application/json"})
    assert reply.status == (200 if number == 1 else 422 if number != 1e400 else reply.status)
    assert reply.status < 500
