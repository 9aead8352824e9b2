"""Request bodies whose processing costs far more than their size."""

from __future__ import annotations

import base64
import random
import time
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import DictField, IntField, ListField, StringField
from brubeck.http import Request
from brubeck.storage.memory import MemoryStorage
from brubeck.testing import Client
from tests.attacks.people import JSON
from tests.neighbours import longest_hold, neighbour

FORM = [(b"content-type", b"multipart/form-data; boundary=X")]


class Item(StreamedDocument):
    """An item of many kinds of fields."""

    place = StringField()
    numbers = ListField(IntField())
    more = DictField()


class Items(StreamHandler):
    """A public stream."""

    model = Item
    path = "/items"


class Todo(Document):
    """A document of an AutoAPI."""

    id = StringField()
    text = StringField()


class Todos(AutoAPIBase):
    """A public AutoAPI."""

    model = Todo


@pytest.fixture
def client() -> Client:
    """Return a client of a stream and an AutoAPI."""
    app = Brubeck(streams=[Items], storage="memory://")
    app.register_api(Todos)
    return Client(app)


@pytest.fixture
def turns() -> Iterator[list[float]]:
    """Return the moments at which other requests could be served, filled as they come."""
    with neighbour() as moments:
        yield moments


def test_the_header_of_a_form_part_is_read_in_linear_time() -> None:
    r"""An open quote and 1,500 times ``\"`` in ``Content-Disposition``: 50 ms for each part."""
    header = b'Content-Disposition: form-data; name="f"; x="' + b'\\"' * 1500
    body = (b"--X\r\n" + header + b"\r\n\r\na\r\n") * 20 + b"--X--\r\n"
    start = time.perf_counter()
    assert Request("POST", "/", FORM, body).form.fields == [("f", "a")] * 20
    assert time.perf_counter() - start < 0.2


def test_a_large_form_lets_others_be_served(turns: list[float]) -> None:
    """While it is parsed, and whatever is in its file."""
    head = b'--X\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
    body = head + b"\r\n--" * 5_000_000 + b"\r\n--X--\r\n"
    (file,) = Request("POST", "/", FORM, BytesIO(body)).form.files
    assert file.size == 20_000_000
    assert turns


@pytest.mark.parametrize("path", ["/items", "/todo"])
def test_the_members_of_a_list_are_counted_without_decoding_them(client: Client, path: str) -> None:
    """One member with 500,000 lists in it."""
    body = b"[[" + b",".join([b"[]"] * 500_000) + b"]]"
    tracemalloc.start()
    try:
        reply = client.post(path, body=body, headers=JSON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reply.status in (207, 413, 422)
    assert peak < 8 * len(body)


LARGE: dict[str, bytes] = {
    "numbers": b'{"numbers":[' + b",".join([b"1"] * 500_000) + b"]}",
    "objects": b'{"more":{"x":[' + b",".join([b"{}"] * 120_000) + b"]}}",
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_item_lets_others_be_served(client: Client, turns: list[float], kind: str) -> None:
    """While it is checked; it is a good one."""
    hold = longest_hold(turns, lambda: client.post("/items", body=LARGE[kind], headers=JSON))
    assert hold < 0.4


@pytest.mark.parametrize("kind", LARGE)
def test_a_small_patch_of_a_large_item_lets_others_be_served(
    client: Client, turns: list[float], kind: str
) -> None:
    """A body of 13 bytes."""
    assert client.put("/items/a", body=LARGE[kind], headers=JSON).status == 201
    hold = longest_hold(turns, lambda: client.patch("/items/a", json={"place": "x"}))
    assert hold < 0.4


def test_the_answer_kept_for_an_idempotency_key_is_bounded(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No storage is asked to keep more than a document of MongoDB may have."""
    kept: list[int] = []
    conclude = MemoryStorage.conclude

    def noted(self: MemoryStorage, key: str, answer: bytes | None) -> None:
        kept.append(len(answer or b""))
        conclude(self, key, answer)

    monkeypatch.setattr(MemoryStorage, "conclude", noted)
    text = base64.b64encode(random.Random(5).randbytes(750_000))
    body = b"[" + b",".join([b'{"place":"%b"}' % text] * 24) + b"]"
    client.post("/items", body=body, headers={**JSON, "Idempotency-Key": "a"})
    assert max(kept, default=0) < 16 << 20


def test_what_an_autoapi_returns_is_bounded_in_bytes(client: Client) -> None:
    """A stream's page ends at 2 MiB."""
    text = "a" * 1_000_000
    todos = [{"id": f"t{number}", "text": text} for number in range(8)]
    assert client.post("/todo", json=todos).status == 201
    assert len(client.get("/todo").body) < 4 << 20


HOSTILE: dict[str, bytes] = {
    "deep objects": b'{"more":' * 5_000 + b"1" + b"}" * 5_000,
    "deep lists": b'{"more":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "33 levels": b'{"more":{"a":' + b"[" * 33 + b"]" * 33 + b"}}",
    "open objects": b'{"more":' * 100_000,
    "digits": b'{"more":{"a":' + b"1" * 900_000 + b"}}",
    "fraction": b'{"place":0.' + b"1" * 900_000 + b"}",
    "exponent": b'{"numbers":[1e999999999]}',
    "small exponent": b'{"numbers":[1E-999999999]}',
    "past 64 bits": b'{"numbers":[9223372036854775808]}',
    "half a pair": b'{"place":"\\ud83d"}',
    "halves in the wrong order": b'{"more":{"\\ude00\\ud83d":1}}',
    "NUL in a key": b'{"more":{"\\u0000":1}}',
    "key twice": b'{"place":"a","pl\\u0061ce":"b"}',
    "key twice, deep": b'{"more":{"a":{"b":1,"b":1}}}',
    "NaN": b'{"numbers":[NaN]}',
    "raw NUL": b'{"place":"\0"}',
    "not UTF-8": b'{"place":"\xff\xfe"}',
    "overlong UTF-8": b'{"place":"\xc0\xaf"}',
    "scalar": b"5",
    "null": b"null",
    "text": b'"{}"',
    "two documents": b"{}{}",
    "prototype": b'{"__proto__":{"place":"x"},"constructor":1}',
    "many unknown names": b"{" + b",".join(b'"k%d":1' % at for at in range(50_000)) + b"}",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_json_is_a_named_error(client: Client, kind: str) -> None:
    """By POST, alone and in a list, by PUT and by PATCH; and short, however long the body is."""
    client.put("/items/a", json={"place": "here"})
    body = HOSTILE[kind]
    for method, path, sent in (
        ("POST", "/items", body),
        ("POST", "/items", b"[" + body + b"]"),
        ("PUT", "/items/a", body),
        ("PATCH", "/items/a", body),
        ("POST", "/todo", body),
    ):
        reply = client.request(method, path, body=sent, headers=JSON)
        assert reply.status in (207, 400, 413, 422), (method, reply.text[:200])
        if reply.status == 207:
            (result,) = reply.json()["data"]
            assert result["status"] in (400, 422)
        assert len(reply.body) < 20_000
    assert client.get("/items/a").json()["data"]["place"] == "here"


def ask_of_import(client: Client, body: bytes) -> list[int]:
    """Return the status of each line of an import."""
    reply = client.post("/items", body=body, headers={"Content-Type": "application/x-ndjson"})
    lines: list[Any] = reply.body.splitlines()
    return [int(line.partition(b'"status":')[2][:3]) for line in lines]


def test_an_import_takes_no_odd_line_end_for_one(client: Client) -> None:
    """LF alone ends a line, and CR before it is white space: others stand within a text or fail."""
    body = '{"place":"a\u2028b\u0085c"}\r\n\r\n\x0b\n{"place":"d"}\r{"place":"e"}\n{"place":"f"}'
    assert ask_of_import(client, body.encode()) == [201, 400, 201]
    places = [each["place"] for each in client.get("/items").json()["data"]]
    assert sorted(places) == ["a\u2028b\u0085c", "f"]
