"""Answers of an AutoAPI are bounded in bytes, and say where they end early."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from brubeck import Brubeck
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.queryset import AbstractQueryset, DictQueryset, Queryset
from brubeck.storage import open_storage
from brubeck.testing import Client

LARGE = "a" * 900_000


class Text(Document):
    """A document that may be large."""

    id = StringField()
    text = StringField()


QUERYSETS: dict[str, Callable[[], AbstractQueryset]] = {
    "of a storage": lambda: Queryset(open_storage("memory://"), model=Text),
    "without a model": DictQueryset,
}


@pytest.fixture(params=QUERYSETS)
def client(request: pytest.FixtureRequest) -> Client:
    """Return a client of an AutoAPI that returns at most five documents."""
    app = Brubeck()
    attributes = {"model": Text, "queries": QUERYSETS[request.param](), "max_read": 5}
    app.register_api(type("Texts", (AutoAPIBase,), attributes))
    return Client(app)


def add(client: Client, count: int, text: str) -> list[str]:
    """Create documents, and return their ids, the newest first."""
    for number in range(count):
        assert client.post("/text", json={"id": f"t{number}", "text": text}).status == 201
    return [f"t{number}" for number in reversed(range(count))]


@pytest.mark.parametrize(
    ("query", "truncated"),
    [("", True), ("?limit=9", True), ("?limit=3", False), ("?limit=4", True)],
)
def test_the_newest_that_fit_are_returned(client: Client, query: str, truncated: bool) -> None:
    """The third one fills the answer, which says so unless no more were asked for."""
    ids = add(client, 6, LARGE)
    reply = client.get(f"/text{query}").json()
    assert [each["id"] for each in reply["data"]] == ids[:3]
    assert reply.get("truncated", False) is truncated


@pytest.mark.parametrize(
    ("count", "query", "truncated"),
    [(6, "", True), (5, "", False), (5, "?limit=9", False), (6, "?limit=9", True)],
)
def test_a_list_cut_by_count_says_so(
    client: Client, count: int, query: str, truncated: bool
) -> None:
    """By ``max_read``, and only where there are more."""
    ids = add(client, count, "a")
    reply = client.get(f"/text{query}").json()
    assert [each["id"] for each in reply["data"]] == ids[:5]
    assert reply.get("truncated", False) is truncated


def test_several_documents_are_bounded_too(client: Client) -> None:
    """Each without room is a 507, and is there for another request."""
    ids = [*add(client, 12, LARGE), "nothing"]
    reply = client.get(f"/text/{','.join(ids)}")
    assert reply.status == 207
    statuses = [each["status"] for each in reply.json()["multistatus"]]
    assert statuses == [200] * 3 + [507] * 10
    assert [each["id"] for each in reply.json()["multistatus"]] == ids
    assert reply.json()["data"][3:] == [None] * 10
    assert len(reply.body) < 4 << 20
    assert client.get(f"/text/{ids[5]},{ids[6]}").status == 200


def test_many_small_documents_are_read_in_order(client: Client) -> None:
    """However many reads that takes."""
    ids = add(client, 23, "a")
    reply = client.get(f"/text/{','.join(ids)}")
    assert (reply.status, [each["id"] for each in reply.json()["data"]]) == (200, ids)
    assert client.get("/text/t0,nothing,t1").status == 207
