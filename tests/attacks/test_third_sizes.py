"""Small requests that were kept, read or answered by the hundred megabytes."""

from __future__ import annotations

import base64
import random
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import DictField, IntField, StringField
from brubeck.storage.sizes import STEP_BYTES
from brubeck.testing import Client
from tests.attacks.people import JSON

RANDOM = base64.b64encode(random.Random(5).randbytes(600_000)).decode()  # it compresses badly


class Item(StreamedDocument):
    """An item that may be large."""

    text = StringField()
    number = IntField()
    more = DictField()


class Items(StreamHandler):
    """A public stream."""

    model = Item
    path = "/items"
    filters = ("number",)


class Posts(StreamHandler):
    """A public stream of partitions."""

    model = Item
    path = "/users/<who>/posts"


class Todo(Document):
    """A document of an AutoAPI."""

    id = StringField()
    text = StringField()
    more = DictField()


class Todos(AutoAPIBase):
    """A public AutoAPI."""

    model = Todo


@pytest.fixture
def client() -> Client:
    """Return a client of streams and an AutoAPI."""
    app = Brubeck(streams=[Items, Posts], storage="memory://")
    app.register_api(Todos)
    return Client(app)


@contextmanager
def measured() -> Iterator[list[int]]:
    """Yield a list that has the kept and the highest number of bytes afterwards."""
    found: list[int] = []
    tracemalloc.start()
    try:
        yield found
        found += tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_many_small_patches_with_keys_keep_no_large_answers(client: Client) -> None:
    """Each answer was the whole item, kept for a day: ten thousand times the request."""
    client.put("/items/a", json={"text": RANDOM})
    with measured() as found:
        for number in range(20):
            headers = {"Idempotency-Key": f"k{number}"}
            assert client.patch("/items/a", json={"number": number}, headers=headers).status == 200
    assert found[0] < 4_000_000  # the item as it is now, and twenty short answers


def test_a_patch_of_a_large_item_is_carried_out_once(client: Client) -> None:
    """A request that is sent again gets the item as it is now, and changes nothing."""
    client.put("/items/a", json={"text": RANDOM})
    headers = {"Idempotency-Key": "k"}
    first = client.patch("/items/a", json={"number": 1}, headers=headers)
    assert client.patch("/items/a", json={"number": 2}).status == 200
    again = client.patch("/items/a", json={"number": 1}, headers=headers)
    assert (again.status, again.headers["ETag"]) == (200, first.headers["ETag"])
    assert again.json()["data"]["number"] == 2
    assert client.patch("/items/a", json={"number": 3}, headers=headers).status == 422
    assert client.delete("/items/a").status == 204
    assert client.patch("/items/a", json={"number": 1}, headers=headers).status == 410


def test_the_documents_that_an_autoapi_destroys_are_bounded_in_bytes(client: Client) -> None:
    """A request of a kilobyte destroyed and returned 100 MB; the rest stays."""
    ids = [f"t{number}" for number in range(40)]
    for item_id in ids:
        assert client.put(f"/todo/{item_id}", json={"text": "a" * 900_000}).status == 201
    with measured() as found:
        reply = client.delete(f"/todo/{','.join(ids)}")
    assert len(reply.body) < STEP_BYTES + 10_000_000
    assert found[1] < 64 << 20
    statuses = [each["status"] for each in reply.json()["multistatus"]]
    assert statuses == [200] * 10 + [507] * 30
    assert all(reply.json()["data"][:10])
    left = client.get(f"/todo/{ids[9]},{ids[10]}").json()["multistatus"]
    assert [each["status"] for each in left] == [404, 200]


def test_a_list_of_documents_is_not_decoded_all_at_once(client: Client) -> None:
    """A number takes eight times the memory of its text, and was there twice."""
    numbers = b",".join([b"0.5"] * 200_000)
    body = b",".join([b'{"id":"t%d","more":{"x":[%b]}}' % (n, numbers) for n in range(5)])
    with measured() as found:
        assert client.post("/todo", body=b"[%b]" % body, headers=JSON).status == 201
    assert found[1] < 45_000_000


def test_a_count_in_sqlite_reads_a_bounded_number_of_bytes(tmp_path: Path) -> None:
    """It read every item that a filter might find, up to 10,000 of a mebibyte each."""
    client = Client(Brubeck(streams=[Items], storage=f"sqlite:///{tmp_path}/items.db"))
    for number in range(30):
        client.put(f"/items/i{number}", json={"text": RANDOM, "number": 1})
    paging = client.get("/items?limit=1&number=1&total=true").json()["paging"]
    assert (paging["total"] < 5, paging["total_exact"]) == (True, False)
    client.put("/items/small", json={"number": 2})
    paging = client.get("/items?limit=1&number=2&total=true").json()["paging"]
    assert (paging["total"], paging["total_exact"]) == (1, True)


def test_partitions_that_are_only_asked_for_take_no_memory(client: Client) -> None:
    """By any method, in any number."""
    client.get("/users/x/posts")
    with measured() as found:
        for number in range(500):
            base = f"/users/u{number}/posts"
            client.get(base)
            client.get(f"{base}/changes?after=now")
            client.delete(f"{base}/x,y")
            client.patch(f"{base}/x", json={}, headers={"If-Match": '"1"'})
            client.put(f"{base}/x", json={"number": "bad"})
    assert found[0] < 4_000_000


LONG = 64_000
HEADERS: dict[str, dict[str, str]] = {
    "tags": {"If-None-Match": '"a",' * (LONG // 4)},
    "an open tag": {"If-None-Match": '"' * LONG},
    "versions": {"If-Match": '"1",' * (LONG // 4)},
    "formats": {"Accept": "a/b," * (LONG // 4) + "text/html"},
    "one format often": {"Accept": "text/html;q=0.5," * (LONG // 16)},
    "parameters": {"Accept": "a;" * (LONG // 2)},
    "a long weight": {"Accept": "application/json;q=0." + "1" * LONG},
    "codings": {"Accept-Encoding": "a," * (LONG // 2)},
    "codings of the body": {"Content-Encoding": "identity," * (LONG // 9)},
    "cookies": {"Cookie": ";".join(f"a{number}=" for number in range(LONG // 8))},
    "an event": {"Last-Event-ID": "1" * LONG},
    "a key": {"Idempotency-Key": "a" * LONG},
    "proxies": {"Forwarded": "for=1.1.1.1," * (LONG // 12)},
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_long_header_costs_little_wherever_it_is_read(client: Client, kind: str) -> None:
    """In CPU time; none is a server error."""
    client.put("/items/a", json={"number": 1})
    for method, path in [
        *(("GET", "/items"), ("GET", "/items/a"), ("PATCH", "/items/a"), ("GET", "/items/b")),
        *(("POST", "/items"), ("GET", "/todo"), ("DELETE", "/todo/a,b"), ("GET", "/nowhere")),
    ]:
        start = time.process_time()
        reply = client.request(method, path, body=b"{}", headers=JSON | HEADERS[kind])
        assert time.process_time() - start < 0.5
        assert reply.status < 500
