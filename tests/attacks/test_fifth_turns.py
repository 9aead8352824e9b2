"""Work that grows faster than its request, and work of many that left others no turn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    StringField,
    TimeStampField,
)
from brubeck.queryset import DictQueryset
from brubeck.storage import Put
from brubeck.streams import AuthStreamHandler, Context, OwnedDocument
from brubeck.streams.items import DELETE_BYTES
from brubeck.testing import Client
from tests.attacks.measuring import measured
from tests.attacks.people import JSON, Badge, as_caller


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of some work: the least of three runs."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


@pytest.fixture(scope="module")
def holds() -> dict[str, float]:
    """Return the longest holds, as a program on green threads has measured them."""
    found: dict[str, float] = measured("held_by_many", seconds=300)
    return found


def test_no_request_for_many_holds_up_others(holds: dict[str, float]) -> None:
    """A hundred items of 90 kB were decoded without a turn, in a third of a second."""
    assert {name: hold for name, hold in holds.items() if hold > 0.07} == {}
    assert len(holds) > 7


class Part(EmbeddedDocument):
    """A part of an item."""

    a = StringField()
    n = IntField()


class Other(EmbeddedDocument):
    """A part of another class."""

    b = StringField()


class Item(OwnedDocument):
    """An item of lists."""

    text = StringField(max_length=10)
    secret = StringField(default="x")
    parts = ListField(EmbeddedDocumentField(Part))
    mixed = ListField([IntField(), EmbeddedDocumentField(Part)])
    documents = ListField([EmbeddedDocumentField(Part), EmbeddedDocumentField(Other)])
    moments = ListField([StringField(), TimeStampField(), EmbeddedDocumentField(Part)])
    nested = ListField(ListField([FloatField(), EmbeddedDocumentField(Part)]))
    more = BaseField()


class Paper(Document):
    """A document of an AutoAPI."""

    _private_fields = ["secret"]
    id = StringField()
    text = StringField(max_length=10)
    secret = StringField(default="x")


class Items(StreamHandler):
    """A public stream."""

    model = Item
    path = "/items"


class HookedItems(Items):
    """A public stream with hooks that do nothing."""

    path = "/hooked"

    def before_create(self, context: Context, document: StreamedDocument) -> None:
        """Let it happen."""

    def before_update(
        self, context: Context, document: StreamedDocument, stored: StreamedDocument
    ) -> None:
        """Let it happen."""


class SeenDeletions(Items):
    """A public stream that looks at what is deleted."""

    path = "/seen"
    seen = 0

    def before_delete(self, context: Context, stored: StreamedDocument) -> None:
        """Count."""
        SeenDeletions.seen += 1


def test_a_hook_that_does_nothing_costs_no_validation() -> None:
    """PUT took eight times as long with a hook as without it."""
    client = Client(Brubeck(streams=[Items, HookedItems], storage="memory://"))
    body = b'{"parts":[' + b",".join([b"{}"] * 60_000) + b"]}"
    plain, hooked = (
        cpu_of(lambda: client.put(f"{path}/a", body=body, headers=JSON))  # noqa: B023
        for path in ("/items", "/hooked")
    )
    assert client.get("/hooked/a").status == 200
    assert hooked < 4 * plain


@pytest.mark.parametrize(
    ("field", "item", "count"),
    [
        ("mixed", b"{}", 40_000),
        ("mixed", b"7", 40_000),
        ("documents", b"{}", 12_000),
        ("documents", b'{"b":""}', 12_000),
    ],
)
def test_a_small_patch_costs_little(field: str, item: bytes, count: int) -> None:
    """Of an item with a list of several kinds of fields: 4.8 s for 12 bytes."""
    client = Client(Brubeck(streams=[Items], storage="memory://"))
    body = b'{"%b":[%b]}' % (field.encode(), b",".join([item] * count))
    assert client.put("/items/a", body=body, headers=JSON).status == 201
    taken = cpu_of(lambda: client.patch("/items/a", json={"text": "x"}))
    assert taken < 0.5
    stored = client.get("/items/a").json()["data"]
    assert stored["text"] == "x"
    assert stored[field] == [json.loads(item)] * count


def set_text(document: Any) -> None:
    """Set a text that is too long."""
    document.text = "far too long"


def unset_id(document: Any) -> None:
    """Set a value that is not JSON."""
    document.more = {"x": {1, 2}}


def bad_part(document: Any) -> None:
    """Put a text where a part belongs."""
    document.parts.append("no part")


def bad_mixed(document: Any) -> None:
    """Put a text where a number or a part belongs."""
    document.mixed.append("no part")


def bad_number(document: Any) -> None:
    """Set a number that JSON does not have."""
    document.mixed[1].n = float("nan")


@pytest.mark.parametrize("change", [set_text, unset_id, bad_part, bad_mixed, bad_number])
def test_what_a_hook_changes_is_validated(change: Callable[[Any], None]) -> None:
    """As it was when everything was."""

    class Changed(Items):
        def before_create(self, context: Context, document: StreamedDocument) -> None:
            change(document)

    client = Client(Brubeck(streams=[Changed], storage="memory://"))
    assert client.post("/items", json={"mixed": [1, {"n": 1}]}).status == 422


def test_a_hook_may_change_a_document_anywhere() -> None:
    """Also in a list of several kinds, where it adds values that are to be converted."""

    class Changed(Items):
        def before_create(self, context: Context, document: Any) -> None:
            document.mixed[1].a = "changed"
            document.mixed.append({"a": "added"})
            document.moments.append(datetime(2026, 1, 1, tzinfo=UTC))

    client = Client(Brubeck(streams=[Changed], storage="memory://"))
    reply = client.post("/items", json={"mixed": [1, {"n": 1}]})
    assert reply.status == 201
    data = client.get(reply.headers["Location"]).json()["data"]
    assert data["mixed"] == [1, {"a": "changed", "n": 1}, {"a": "added"}]
    assert data["moments"] == [1767225600]


MIXED: list[tuple[str, list[Any]]] = [
    ("mixed", [1, {"n": 2}, {}]),
    ("documents", [{"a": "x"}, {"b": "y"}, {}]),
    ("moments", ["x", 60, {"n": 1}]),
    ("nested", [[1.5, {"a": "x"}], [], [2]]),
]


@pytest.mark.parametrize(("name", "items"), MIXED)
def test_items_of_several_kinds_are_native_when_they_are_read(name: str, items: list[Any]) -> None:
    """However the document was read, and in whichever form it goes out."""
    text = json.dumps({name: items}).encode()
    for document in (
        Item.from_json(text),
        Item.decode_stored(text),
        Item.from_python({name: items}),
    ):
        sent = json.loads(document.encode())
        assert sent[name] == items
        found = document[name]
        flat = [each for some in found for each in (some if isinstance(some, list) else [some])]
        assert not any(isinstance(each, dict) for each in flat)
        assert any(isinstance(each, EmbeddedDocument) for each in flat)
        document.validate(validate_all=True)
        assert json.loads(document.encode())[name] == items
        assert document == Item.from_json(text)
        assert json.loads(document.make_json_ownersafe(document))[name] == items


def test_members_that_a_class_no_longer_has_are_dropped() -> None:
    """Of stored items of lists of several kinds, as of any document."""
    for name in ("mixed", "documents"):
        stored = Item.decode_stored(b'{"%b":[{"gone":1,"a":"x"}]}' % name.encode())
        assert json.loads(stored.encode())[name] == [{"a": "x"}]


def test_a_deletion_decodes_a_bounded_number_of_bytes() -> None:
    """Where a hook sees what is deleted; what has no room in a request stays."""
    client = Client(Brubeck(streams=[SeenDeletions], storage="memory://"))
    records = client.application.stream(SeenDeletions).records()
    size = 1_000_000
    for number in range(20):
        body = b'{"id":"d%d","created_at":1,"text":"%b"}' % (number, b"x" * size)
        records.write([Put(id=f"d{number}", created_at=1, body=body, token=f"t{number}")])
    reply = client.delete("/seen/" + ",".join(f"d{number}" for number in range(20)))
    statuses = [each["status"] for each in reply.json()["data"]]
    deleted = DELETE_BYTES // size + 1
    assert statuses == [200] * deleted + [507] * (20 - deleted)
    assert SeenDeletions.seen == deleted
    assert client.get("/seen/d19").status == 200
    assert client.get("/seen/d0").status == 410


class Undecoded(Item):
    """An item that nobody decodes from a storage."""

    @classmethod
    def decode_stored(cls, body: bytes | str) -> Any:
        """Fail."""
        raise AssertionError(f"decoded: {body[:50]!r}")


class Owned(AuthStreamHandler):
    """A stream in which owners alone change their items."""

    model = Undecoded
    path = "/owned"
    schemes = (Badge(),)


def test_an_owner_is_known_without_the_rest_of_its_item() -> None:
    """Also where the rest is no longer what the class says."""
    client = Client(Brubeck(streams=[Owned], storage="memory://"))
    records = client.application.stream(Owned).records()
    for name, owner in (("a", b'"ann"'), ("b", b"7"), ("c", b"null")):
        body = b'{"id":"%b","owner_id":%b,"parts":7}' % (name.encode(), owner)
        records.write([Put(id=name, created_at=1, body=body, token=name)])
    reply = client.delete("/owned/a,b,c", headers=as_caller("ann"))
    assert [each["status"] for each in reply.json()["data"]] == [200, 403, 403]


class Sheet(Paper):
    """A document of an AutoAPI that nobody decodes from a storage."""

    @classmethod
    def decode_stored(cls, body: bytes | str) -> Any:
        """Fail."""
        raise AssertionError(f"decoded: {body!r}")


def test_an_autoapi_serves_what_is_stored() -> None:
    """Without decoding it: but for members that are hidden, or that its class does not have."""
    queries = DictQueryset(model=Sheet)

    class Papers(AutoAPIBase):
        model = Sheet

    Papers.queries = queries
    app = Brubeck()
    app.register_api(Papers, "/papers")
    client = Client(app)
    body = b'{"id":"a","text":"old","secret":"y","gone":"z"}'
    queries.stream.write([Put(id="a", created_at=1, body=body, token="t")])
    shown = {"id": "a", "text": "old"}
    assert client.get("/papers/a").json()["data"] == shown
    assert client.get("/papers").json()["data"] == [shown]
    assert client.get("/papers/a,b").json()["data"] == [shown, None]
    assert client.delete("/papers/a").json()["data"] == shown
    assert client.get("/papers/a").status == 404


def test_an_autoapi_validates_once() -> None:
    """A document was read from JSON, and then each of its values checked again in Python."""
    looks: list[str] = []

    def look(value: str) -> bool:
        looks.append(value)
        return True

    class Checked(Document):
        id = StringField()
        text = StringField(max_length=10, validation=look)

    class Papers(AutoAPIBase):
        model = Checked
        queries = DictQueryset(model=Checked)

    app = Brubeck()
    app.register_api(Papers, "/papers")
    client = Client(app)
    assert client.post("/papers", json={"id": "b", "text": "far too long"}).status == 422
    assert client.put("/papers/b", json={"text": "far too long"}).status == 422
    looks.clear()
    assert client.post("/papers", json={"id": "a", "text": "new"}).status == 201
    assert client.put("/papers/a", json={"text": "newer"}).json()["data"]["text"] == "newer"
    assert client.post("/papers", json=[{"id": "c"}, {"text": "x"}]).status == 201
    assert looks == ["new", "newer", "x"]
