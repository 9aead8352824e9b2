"""Reads and writes of other callers' items, and the information in the responses."""

from __future__ import annotations

import base64
import warnings
from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.auth import BasicAuth, guesses
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import EmbeddedDocument
from brubeck.dictshield.fields import (
    EmbeddedDocumentField,
    ListField,
    SortedListField,
    StringField,
)
from brubeck.errors import ConfigError
from brubeck.storage import Put, Storage, open_storage
from brubeck.streams import AuthStreamHandler, OwnedDocument
from brubeck.streams.access import ProtectedAccess
from brubeck.testing import Client, Reply
from tests.attacks.people import JSON, Badge, as_caller

ELLA, DAVE = as_caller("ella"), as_caller("dave")


class Entry(OwnedDocument):
    """An item with an owner."""

    text = StringField()
    readers = ListField(StringField())


class Verdict(StreamedDocument):
    """An item with a field for the program alone."""

    text = StringField()
    verdict = StringField(max_length=5)
    _private_fields = ("verdict",)


class Verdicts(StreamHandler):
    """A public stream of items with a hidden field."""

    model = Verdict
    path = "/verdicts"


def journal(storage: Storage, path: str = "") -> tuple[Client, str]:
    """Return a client of an owned stream on a storage, and its path."""
    path = path or f"/j{uuid4().hex[:8]}"
    attributes = {"model": Entry, "path": path, "schemes": (Badge(),), "owned": True}
    stream: Any = type("Journal", (AuthStreamHandler,), attributes)
    return Client(Brubeck(streams=[stream], storage={"default": storage})), path


def made(reply: Reply) -> str:
    """Return the id of an item that was created."""
    assert reply.status == 201, reply.text
    found: str = reply.json()["data"]["id"]
    return found


# Guesses.


def guess(client: Client, name: str, path: str = "/journal") -> int:
    """Return the status of a wrong password for a name."""
    token = base64.b64encode(f"{name}:wrong".encode()).decode()
    return client.get(path, headers={"Authorization": f"Basic {token}"}).status


def test_another_spelling_of_a_name_is_no_new_name_to_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After so many failures (one here) the network waits, however the name is written."""
    monkeypatch.setattr(guesses, "OF_A_NAME", 1)
    attributes = {"model": Entry, "path": "/journal", "schemes": (BasicAuth(),)}
    stream: Any = type("Journal", (AuthStreamHandler,), attributes)
    app = Brubeck(streams=[stream], storage="memory://")
    app.accounts.users.create("dave", "take five")
    client = Client(app)
    assert [guess(client, "dave") for _ in range(2)] == [401, 429]
    assert {guess(client, each) for each in ("DAVE", "\uff44\uff41\uff56\uff45")} == {429}


# Fields that a caller cannot see.


@pytest.mark.parametrize("value", [1, "too long a text", []])
def test_a_hidden_field_is_refused_in_the_same_words_as_an_unknown_one(value: object) -> None:
    """Otherwise the words tell that there is one, and of which type."""
    client = Client(Brubeck(streams=[Verdicts], storage="memory://"))
    hidden = client.post("/verdicts", json={"verdict": value})
    unknown = client.post("/verdicts", json={"nothing": value})
    assert hidden.status == unknown.status == 422
    assert hidden.text == unknown.text.replace("nothing", "verdict")


def test_a_patch_says_nothing_of_a_hidden_field() -> None:
    """Even where the stored value is not valid any longer; PUT takes it as it is."""
    client = Client(Brubeck(streams=[Verdicts], storage="memory://"))
    body = b'{"id":"a","created_at":5,"updated_at":5,"verdict":"longer than now"}'
    stored = Put(id="a", created_at=5, body=body, token="t")
    client.application.stream(Verdicts).records().write([stored])
    assert "verdict" not in client.patch("/verdicts/a", json={"text": "x"}).text


class Inner(EmbeddedDocument):
    """An embedded document with a private field."""

    shown = StringField()
    kept = StringField()
    _private_fields = ("kept",)


class Middle(EmbeddedDocument):
    """An embedded document that holds others."""

    inner = ListField(EmbeddedDocumentField(Inner))


NESTED: dict[str, Any] = {
    "list": ListField(EmbeddedDocumentField(Inner)),
    "list of lists": ListField(ListField(EmbeddedDocumentField(Inner))),
    "sorted list": SortedListField(EmbeddedDocumentField(Inner)),
    "several types": ListField([StringField(), EmbeddedDocumentField(Inner)]),
    "two levels": EmbeddedDocumentField(Middle),
    "list of two levels": ListField(EmbeddedDocumentField(Middle)),
}


@pytest.mark.parametrize("kind", NESTED)
def test_private_fields_of_embedded_documents_are_refused(kind: str) -> None:
    """However deep they stand, when the stream's class is made."""
    model = type("Outer", (StreamedDocument,), {"field": NESTED[kind], "__module__": __name__})
    with pytest.raises(ConfigError, match="private"):
        type("Outers", (StreamHandler,), {"model": model, "path": "/outers"})


# What belongs to others.


def test_an_autoapi_lets_nobody_write_in_the_name_of_another() -> None:
    """It refuses the model, or the fields, or sets them itself."""
    try:
        api: Any = type("Entries", (AutoAPIBase,), {"model": Entry})
        app = Brubeck(storage="memory://")
        app.register_api(api)
    except ConfigError:
        return
    reply = Client(app).post("/entry", json={"text": "x", "owner_id": "ella"})
    assert reply.status != 201 or reply.json()["data"].get("owner_id") != "ella"


ASKED: list[tuple[str, bytes, dict[str, str]]] = [
    ("GET", b"", {}),
    ("GET", b"", {"If-None-Match": "*"}),
    ("GET", b"", {"If-Match": '"5"'}),
    ("GET", b"", {"Accept": "text/html"}),
    ("GET", b"", {"Range": "bytes=0-1"}),
    ("HEAD", b"", {}),
    ("PUT", b'{"text":"x"}', {}),
    ("PUT", b'{"text":1}', {}),
    ("PUT", b'{"text":"x"}', {"If-Match": "*"}),
    ("PUT", b'{"text":"x"}', {"If-None-Match": "*"}),
    ("PUT", b'{"text":"x"}', {"Idempotency-Key": "k"}),
    ("PATCH", b'{"text":"x"}', {}),
    ("PATCH", b'{"text":1}', {}),
    ("PATCH", b'{"owner_id":"dave"}', {"If-Match": '"5"'}),
    ("DELETE", b"", {}),
    ("DELETE", b"", {"If-Match": "*"}),
    ("DELETE", b"", {"Idempotency-Key": "l"}),
]


def test_what_others_have_looks_like_nothing(any_storage: Storage) -> None:
    """Live, deleted or never there: one answer to each request, headers and all."""
    client, path = journal(any_storage)
    live = made(client.post(path, json={"text": "e"}, headers=ELLA))
    gone = made(client.post(path, json={"text": "e"}, headers=ELLA))
    assert client.delete(f"{path}/{gone}", headers=ELLA).status == 204
    never = f"{live[:-4]}0000"
    for method, body, headers in ASKED:
        sent = DAVE | headers | (JSON if body else {})
        seen = set()
        for item_id in (live, gone, never):
            one = client.request(method, f"{path}/{item_id}", body=body, headers=sent)
            two = client.request(method, f"{path}/{item_id},{item_id}", body=body, headers=sent)
            shown = [(each.status, each.text, sorted(each.headers.items())) for each in (one, two)]
            seen.add(str(shown).replace(item_id, "ID"))
        assert len(seen) == 1, (method, headers)
    assert client.get(f"{path}/{live}", headers=ELLA).json()["data"]["text"] == "e"


def test_an_idempotency_key_is_each_callers_own(any_storage: Storage) -> None:
    """And each path's: nobody gets the answer of another, nor is refused for it."""
    client, path = journal(any_storage)
    key = {"Idempotency-Key": "the same"[:3] * 80}
    first = client.post(path, json={"text": "a secret"}, headers=ELLA | key)
    other = client.post(path, json={"text": "a secret"}, headers=DAVE | key)
    again = client.post(path, json={"text": "a secret"}, headers=ELLA | key)
    assert made(first) == made(again) != made(other)
    entry = f"{path}/{made(first)}"
    changed = client.patch(entry, json={"text": "b"}, headers=ELLA | key)
    assert (changed.status, changed.json()["data"]["text"]) == (200, "b")
    assert client.patch(entry, json={"text": "b"}, headers=DAVE | key).status == 404


VIEWERS = (
    *(" ", "#" + "a" * 40, "$where", "%", "*", "../x", "a b", "a'b", 'a"b', "a,b", "a/b", "a:b"),
    *("a\nb", "a~b", "_", "{x}", "ﬀ", "ff", "İ", "i̇", "😀", "a" * 3_000),
)


def test_no_two_callers_share_a_sight(any_storage: Storage) -> None:
    """With ids of any characters and any length."""
    client, path = journal(any_storage)
    for name in VIEWERS:
        made(client.post(path, json={"text": name}, headers=as_caller(name)))
    for name in VIEWERS:
        for part in (path, f"{path}/changes"):
            data = client.get(part, headers=as_caller(name)).json()["data"]
            texts = [(each.get("data") or each)["text"] for each in data]
            assert texts == [name], part


def test_a_viewer_is_not_told_by_how_far_others_have_come(any_storage: Storage) -> None:
    """Others write more than a step reads: the viewer has still caught up, with nothing new."""
    client, path = journal(any_storage)
    made(client.post(path, json={"text": "d"}, headers=DAVE))
    page = client.get(path, headers=DAVE)
    for _ in range(3):
        client.post(path, json=[{"text": "e"}] * 400, headers=ELLA)
    changes = client.get(f"{page.json()['paging']['changes']}&limit=1", headers=DAVE).json()
    assert (changes["data"], changes["paging"]["caught_up"]) == ([], True)
    tag = {"If-None-Match": page.headers["ETag"]}
    assert client.get(path, headers=DAVE | tag).status == 304
    total = client.get(f"{path}?total=true", headers=DAVE).json()["paging"]
    assert (total["total"], total["total_exact"]) == (1, True)


KEYS = (
    *("..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2fetc", "a%2Fb", "a%5Cb", "-a", "~", "a" * 129),
    *("%F0%9F%98%80", "a%00", "a%0d%0aX:1", "a%25", "%24where", "a%27", "changes", "a{b}", "a*"),
)


@pytest.mark.parametrize("key", KEYS)
def test_a_partition_of_an_odd_name_is_none(any_storage: Storage, key: str) -> None:
    """Read or written, it leaves nothing in the storage."""
    base = f"/p{uuid4().hex[:8]}"
    attributes = {"model": Verdict, "path": f"{base}/<owner>/v"}
    stream: Any = type("Parted", (StreamHandler,), attributes)
    client = Client(Brubeck(streams=[stream], storage={"default": any_storage}))
    for method in ("GET", "POST"):
        reply = client.request(method, f"{base}/{key}/v", body=b"{}", headers=JSON)
        assert reply.status in (400, 404)
    assert client.application.stream(stream).partitions() == []


# Guards that a subclass adds.


@pytest.mark.parametrize("name", ["check_change", "check_document", "check_new_id"])
def test_a_check_that_returns_a_value_lets_no_write_pass(name: str) -> None:
    """As with the hooks: it is a server error, never a "yes"."""

    async def check(*_args: object) -> None: ...

    def hidden(*args: object) -> object:
        return check(*args)

    attributes = {"model": Entry, "path": "/j", "schemes": (Badge(),)}
    plain: Any = type("Plain", (AuthStreamHandler,), attributes)
    access = type("Strict", (ProtectedAccess,), {name: hidden})
    guarded: Any = type("Guarded", (AuthStreamHandler,), {**attributes, "access": access})
    storage = open_storage("memory://")
    client = Client(Brubeck(streams=[plain], storage={"default": storage}))
    item_id = made(client.post("/j", json={"text": "a"}, headers=DAVE))
    strict = Client(Brubeck(streams=[guarded], storage={"default": storage}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the coroutine never runs, which is the point
        strict.patch(f"/j/{item_id}", json={"text": "b"}, headers=DAVE)
        created = strict.post("/j", json={"text": "c"}, headers=DAVE)
    text = client.get(f"/j/{item_id}", headers=DAVE).json()["data"]["text"]
    assert created.status == 500 or (name == "check_change" and text == "a")


@pytest.mark.parametrize("name", ["admit", "before_create", "get_current_user", "prepare"])
def test_a_guard_that_returns_a_value_lets_no_write_pass(name: str) -> None:
    """A coroutine that a decorator hides, or a False that was meant as a "no"."""
    for value in (False, 1, "no", (each for each in "no")):
        attributes = {"model": Entry, "path": "/j", "schemes": (Badge(),)}
        stream: Any = type(
            "Guarded", (AuthStreamHandler,), {**attributes, name: lambda *_, value=value: value}
        )
        client = Client(Brubeck(streams=[stream], storage="memory://"))
        assert client.post("/j", json={"text": "c"}, headers=DAVE).status == 500
        assert client.application.stream(stream).records().head().position == 0
