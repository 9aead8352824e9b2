"""What an attack on the oldest parts found, and the inputs that it tried in vain."""

from __future__ import annotations

import gc
import re
import time
import tracemalloc
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4
from wsgiref.util import setup_testing_defaults

import pytest

from brubeck import Brubeck
from brubeck.auth import Caller
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import (
    EmailField,
    FloatField,
    IntField,
    ListField,
    StringField,
    TimeStampField,
    URLField,
)
from brubeck.errors import ConfigError
from brubeck.storage import Storage
from brubeck.streams import (
    AuthStreamHandler,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.testing import Client
from tests.attacks.people import JSON, Badge, as_caller
from tests.servers import wait_until

ROOT = Path(__file__).parents[2]


class Note(StreamedDocument):
    """A note."""

    text = StringField()
    n = IntField(max_value=10)


def stream_at(path: str) -> type[StreamHandler]:
    """Return a public stream of notes."""
    return type("Notes", (StreamHandler,), {"model": Note, "path": path})


class Scoped(Badge):
    """A badge with scopes: ``ella r w``."""

    def authenticate(self, request: Any, context: Any) -> Caller | None:
        """Return the named caller with its scopes."""
        del context
        name, *scopes = unquote(request.header("x-badge") or "").split() or [""]
        return Caller(name, name, frozenset(scopes)) if name else None


# Streams and other things in one storage.


@pytest.mark.parametrize("kind", ["one class", "two classes of one name"])
def test_an_autoapi_and_a_guarded_stream_do_not_share_their_items(
    any_storage: Storage, kind: str
) -> None:
    """A stream is named by its path and an AutoAPI by its model: by default that is one name."""
    name = f"Entry{uuid4().hex[:8]}"
    plain: Any = type(name, (Note if kind == "one class" else Document,), {"text": StringField()})
    model = plain if kind == "one class" else type(name, (OwnedDocument,), {"text": StringField()})
    declared = {"schemes": (Badge(),), "model": model}
    handler: type[AuthStreamHandler] = type("Entries", (AuthStreamHandler,), declared)
    api: type[AutoAPIBase] = type("API", (AutoAPIBase,), {"model": plain})
    app = Brubeck(streams=[handler], storage={"default": any_storage}, api_base_url="/api")
    with suppress(ConfigError):  # to refuse it is an answer, too
        app.register_api(api)
    client = Client(app)
    guarded, open_ = handler.path, f"/api{handler.path}"
    made = client.post(guarded, json={"text": "secret"}, headers=as_caller("ella"))
    item = f"{guarded}/{made.json()['data']['id']}"
    assert client.get(item).status == 401
    assert "secret" not in client.get(open_).text
    client.put(f"/api{item}", json={"text": "changed by a stranger"})
    assert client.get(item, headers=as_caller("ella")).json()["data"]["text"] == "secret"
    client.delete(f"/api{item}")
    assert client.get(item, headers=as_caller("ella")).status == 200


@pytest.mark.parametrize("name", ["users", "usernames", "tokens", "keys"])
def test_no_stream_serves_the_accounts(name: str) -> None:
    """They are streams of the same storage, with hashes of passwords in them."""
    with pytest.raises(ConfigError):
        Client(Brubeck(streams=[stream_at(f"/brubeck.{name}")], storage="memory://"))


# Sight.


class Log(AuthStreamHandler):
    """A log that some may write and not read."""

    model = Note
    path = "/log"
    schemes = (Scoped(),)
    scopes = {"read": "r", "write": "w"}


def written() -> tuple[Client, dict[str, Any]]:
    """Return a client of the log, and an item of it."""
    client = Client(Brubeck(streams=[Log], storage="memory://"))
    made = client.post("/log", json={"text": "secret", "n": 7}, headers=as_caller("ella r w"))
    return client, made.json()["data"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_who_may_not_read_is_not_told_when_an_item_was_made(method: str) -> None:
    """The refusal of another time named the right one."""
    client, item = written()
    path = f"/log/{item['id']}"
    reply = client.request(method, path, json={"created_at": 1}, headers=as_caller("joe w"))
    assert reply.status == 422
    assert str(item["created_at"]) not in reply.text


@pytest.mark.parametrize("change", [{"n": 99}, {"n": "x"}, {"text": 5}, {"id": "b"}, {"x": 1}])
def test_who_may_not_read_is_told_nothing_of_an_item_by_a_refusal(change: dict[str, Any]) -> None:
    """Repelled: an error names the field and the rule."""
    client, item = written()
    for method in ("PUT", "PATCH"):
        path = f"/log/{item['id']}"
        reply = client.request(method, path, json=change, headers=as_caller("joe w"))
        assert reply.status == 422
        assert not re.search(r"secret|\b7\b|\d{13}", reply.text.replace(item["id"], ""))


def test_a_page_of_any_field_is_no_server_error() -> None:
    """The form for a new item asked a `TimeStampField` for the bounds of a number."""
    model = type("Stamped", (StreamedDocument,), {"at": TimeStampField()})
    handler = type("Stamps", (StreamHandler,), {"model": model, "path": "/stamps"})
    client = Client(Brubeck(streams=[handler], storage="memory://"))
    assert client.get("/stamps", headers={"Accept": "text/html"}).status == 200


class Hiding(StreamedDocument):
    """An item with private fields of all kinds, one of them half of its coordinates."""

    _private_fields = ["zzphone", "latitude", "zzlist"]
    name = StringField()
    zzphone = StringField(default="qqdefault", choices=["qqsecret", "qqdefault"])
    latitude = FloatField()
    longitude = FloatField()
    magnitude = FloatField()
    zzlist = ListField(StringField())


class HidingThings(StreamHandler):
    """A public stream of it."""

    model = Hiding
    path = "/h"
    filters = ("name", "magnitude__gte")


@pytest.mark.parametrize("accept", ["application/json", "text/html", "text/event-stream"])
def test_no_answer_and_no_description_has_a_private_field(accept: str) -> None:
    """Repelled: nor its default, its choices, or the point that it is a half of."""
    client = Client(Brubeck(streams=[HidingThings], storage="memory://"))
    hidden = {"zzphone": "qqsecret", "latitude": 41.2345, "zzlist": ["qqsecret"]}
    made = client.application.stream(HidingThings).insert(
        {"name": "Ella", "longitude": 12.5, **hidden}
    )
    shapes = [f"/h.{each}" for each in ("json", "csv", "ndjson", "atom", "feed.json", "geojson")]
    texts = ("/", "/h", "/h?total=true", "/openapi.json", "/manifest.json", "/docs")
    for path in (*texts, *shapes, f"/h/{made.id}", f"/h/{made.id},b", "/h/changes"):
        with client.get(path, headers={"Accept": accept}) as reply:
            text = next(reply.chunks(), b"").decode()
        assert not re.search(r"zz|qqsecret|qqdefault|41\.2345|latitude", text), path


ODD_IDS = (
    *("", " ", "a\0b", "x" * 3000, "a/b", "../log", "changes", "é", "a,b", "a?x=1", "a%2Fb"),
    *("a/changes", "a?fields=text", ".a", "a\r\nX: y"),
)


@pytest.mark.parametrize("action", ["update", "delete"])
def test_a_form_with_an_odd_id_finds_nothing(any_storage: Storage, action: str) -> None:
    """Repelled: it becomes no other request, and no error of a storage."""
    path = f"/n{uuid4().hex[:8]}"
    client = Client(Brubeck(streams=[stream_at(path)], storage={"default": any_storage}))
    client.put(f"{path}/a", json={"text": "a"})
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    for item_id in ODD_IDS:
        form = {"action": action, "id": item_id, "position": "5", "text": "b"}
        assert client.post(path, form=form, headers=headers).status == 404, item_id
    assert client.get(f"{path}/a").json()["data"]["text"] == "a"


def answered(client: Client, environ: dict[str, Any]) -> tuple[str, bytes]:
    """Return the status and the body of an answer by WSGI."""
    begun: list[str] = []

    def begin(status: str, headers: object, error: object = None) -> None:
        del headers, error
        begun.append(status)

    body = b"".join(client.application.wsgi(environ, begin))
    return begun[0], body


@pytest.mark.parametrize("name", ["answer", "prepare", "stream", "error", "_found", "read_again"])
@pytest.mark.parametrize("key", [{}, {"HTTP_IDEMPOTENCY_KEY": "k"}])
def test_a_method_with_the_name_of_an_attribute_is_none(name: str, key: dict[str, str]) -> None:
    """Repelled: WSGI servers pass any method on."""
    client, item = written()
    for method in (name.upper(), name, "get", "__CALL__"):
        for path in ("/log", f"/log/{item['id']}", "/log/changes"):
            environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, **key}
            environ |= {"HTTP_X_BADGE": "ella%20r%20w", "wsgi.input": BytesIO()}
            setup_testing_defaults(environ)
            status, body = answered(client, environ)
            assert status[:3] in ("405", "501"), method
            assert b"secret" not in body


# Bounds.


class Wide(StreamedDocument):
    """An item of texts with rules, and of lists."""

    url = URLField()
    email = EmailField()
    tags = ListField(StringField())
    text = StringField()
    n = IntField()
    f = FloatField()


class Wides(StreamHandler):
    """A public stream of partitions."""

    model = Wide
    path = "/of/<user>/w"
    filters = ("tags__in", "text", "n", "f__gte", "url")


MANY = 1_000_000
RULED = {
    "dots of a host": '{"url":"http://%s"}' % ("a." * (MANY // 2)),
    "hyphens of a host": '{"url":"http://%s"}' % ("a-" * (MANY // 2)),
    "hyphens of a domain": '{"email":"a@%s"}' % ("a-." * (MANY // 3)),
    "quoted pairs": '{"email":"\\"%s"}' % ("\\\\a" * (MANY // 3)),
    "digits": '{"n":%s}' % ("1" * MANY),
    "digits in a text": '{"n":"%s"}' % ("1" * MANY),
}


@pytest.mark.parametrize("kind", RULED)
def test_a_rule_is_checked_in_linear_time(kind: str) -> None:
    """Repelled: by a value of a megabyte; nor is it told back."""
    client = Client(Brubeck(streams=[Wides], storage="memory://"))
    start = time.process_time()
    reply = client.put("/of/a/w/a", body=RULED[kind], headers=JSON)
    assert time.process_time() - start < 0.5
    assert reply.status < 500
    assert reply.status < 300 or len(reply.body) < 1000


BODIES = {
    "lists": b"[" * (2 << 20),
    "zeros": b"[" + b"0," * (1 << 20) + b"0]",
    "line ends": b"\n" * (1 << 17),
    "spaces": b"[" + b" " * (2 << 20) + b"]",
    "what is no UTF-8": b"[" + b"\xff" * (2 << 20) + b"]",
}


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("kind", BODIES)
def test_a_large_body_of_nothing_costs_no_more_than_itself(kind: str, media_type: str) -> None:
    """Repelled: it is refused, or each of its lines is, in few words."""
    client = Client(Brubeck(streams=[Wides], storage="memory://"))
    tracemalloc.start()
    reply = client.post("/of/a/w", body=BODIES[kind], headers={"Content-Type": media_type})
    assert sum(map(len, reply.chunks())) < 1000
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reply.status < 500
    assert most < 12 << 20


QUERIES = (
    *("n=" + "1" * 60_000, "f__gte=" + "1" * 60_000, "f__gte=1e400", "f__gte=nan", "url=%00"),
    *("text=%ff", "before=" + "9" * 60_000, "before=1~" + "a" * 60_000, "since=-" + "9" * 400),
    *("limit=" + "0" * 60_000 + "1", "&".join(["fields=text"] * 5000), "wait=1e9", "tick=-1"),
    "&".join(["tags__in=" + "x" * 1100] * 50),
    "&".join(["tags__in=a"] * 51),
)


def test_an_odd_query_is_answered_at_once(any_storage: Storage) -> None:
    """Repelled: of pages and of changes, on each storage."""
    client = Client(Brubeck(streams=[Wides], storage={"default": any_storage}))
    client.put("/of/odd/w/a", json={"text": "a", "tags": ["a"]})
    for query in QUERIES:
        for path in ("/of/odd/w", "/of/odd/w/changes"):
            start = time.process_time()
            assert client.get(f"{path}?{query}").status < 500, query[:20]
            assert time.process_time() - start < 0.2, query[:20]


def test_partitions_that_are_only_waited_for_take_no_memory(
    any_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repelled: by a poll, and by a feed with a filter of its own."""
    monkeypatch.setattr("brubeck.streams.stream.KEPT_PARTITIONS", 20)
    client = Client(Brubeck(streams=[Wides], storage={"default": any_storage}))

    def look(first: int, last: int) -> None:
        for number in range(first, last):
            path = f"/of/p{number}/w"
            client.get(f"{path}/changes?wait=0.001&after=now")
            accept = {"Accept": "text/event-stream"}
            feed = client.get(f"{path}/changes?text={number}", headers=accept)
            next(feed.chunks())
            feed.close()

    def taken() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        look(0, 100)
        before = taken()
        look(100, 600)
        # What a reader that has left still held is let go when its thread ends.
        wait_until(lambda: taken() - before < 800_000, seconds=30)
    finally:
        tracemalloc.stop()
