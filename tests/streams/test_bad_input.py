"""Whatever is asked, there is an answer that means something: no 500 and no empty 200."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.canonical import MAX_BYTES
from brubeck.dictshield.fields import (
    BooleanField,
    DateTimeField,
    DictField,
    FloatField,
    IntField,
    ListField,
    StringField,
)
from brubeck.http import Headers, Request, StreamingResponse
from brubeck.storage.memory import MemoryStorage
from brubeck.storage.schema import MAX_VALUES
from brubeck.streams import SharedDocument, StreamHandler
from brubeck.streams.filters import MAX_CHOICES
from brubeck.testing import Client, Reply
from tests.soak import often
from tests.streams.people import Known


class Thing(SharedDocument):
    """A document with a field of each kind that is read in its own way."""

    text = StringField(max_length=10)
    number = IntField(min_value=-5)
    size = FloatField()
    good = BooleanField()
    when = DateTimeField()
    tags = ListField(StringField())
    extra = DictField()


class Things(StreamHandler):
    """Things that anybody may write."""

    model = Thing
    path = "/things"
    filters = ("text", "number__gte", "size__lt", "good", "when__gt", "tags__in")
    accept_created_at = True
    cors = ("https://app.example", "*")


class Own(Known):
    """Things of one's own."""

    model = Thing
    path = "/own"
    owned = True
    filters = ("text", "number__in")
    rights = {"ann": frozenset(), "bob": frozenset()}


class Parted(Own):
    """Things of one's own, by whose they are."""

    path = "/users/<owner>/things"
    rate = "1000000/day"


BASES = ("/things", "/own", "/users/ann/things", "/users/bob/things")
RESTS = ("", "/changes", "/a", "/a,b,,a", "/changes,a", "/..", "/%00", "/%F0", "/a%2Cb", "/%2f")
PARAMETERS = (
    *("limit", "count", "order", "before", "after", "since", "until", "fields", "total", "nothing"),
    *("text", "number__gte", "number__in", "size__lt", "good", "when__gt", "tags__in"),
)
VALUES = (
    *(
        "",
        "0",
        "1",
        "-1",
        "now",
        "newest",
        "oldest",
        "true",
        "id",
        "id,text",
        "1e400",
        "nan",
        "1_0",
    ),
    *("2018-02-07T01:26:13.840Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00"),
    *("253402300799999", "253402300800000", "-62135596800001", "1~a", "-1~a", "9" * 16 + "~abc"),
    *("1_0", "9223372036854775808", "0~abc~9", "1~-", "\u0663", "1" * 400),
)
HEADERS = (
    *("Accept", "Content-Type", "If-Match", "If-None-Match", "Last-Event-ID", "Idempotency-Key"),
    *("Origin", "Host", "Accept-Encoding", "Access-Control-Request-Method", "Cookie", "X-Name"),
)
TOLD = (
    *("*", '"1"', 'W/"1"', '"', ",", "*/*;q=0", "text/html;q=nan", "application/json;q=2", "reset"),
    *("application/json", "text/html", "application/atom+xml", "application/feed+json", "gzip"),
    *("text/csv", "application/x-ndjson", "text/event-stream", "application/merge-patch+json"),
    *("https://app.example", "null", "[::1]", 'a"><b', "key", '"key"', "0~a", "now", "ann", "bob"),
)
MEMBERS = (
    *("id", "created_at", "updated_at", "owner_id", "readers", "text", "number", "size", "good"),
    *("when", "tags", "extra", "nothing"),
)
BROKEN = (
    *(b"", b"[" * 10_000, b'{"a":' * 5_000, b"[1e999]", b'{"size":1e999}', b"\xef\xbb\xbf{}"),
    *(b'{"id":"a","id":"b"}', b"[{},{}", b"{}{}", b"{}\n{}\n[", b"null", b'{"text":"\\ud800"}'),
)

_latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20)
_queries = st.lists(
    st.tuples(st.sampled_from(PARAMETERS), st.sampled_from(VALUES) | st.text(max_size=8)),
    max_size=3,
)
_headers = st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(TOLD) | _latin, max_size=3)
_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_documents = st.dictionaries(st.sampled_from(MEMBERS), _values, max_size=4)
_bodies = (
    st.sampled_from(BROKEN)
    | st.binary(max_size=20)
    | (_documents | st.lists(_documents, max_size=3)).map(lambda each: json.dumps(each).encode())
)
_methods = st.sampled_from(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"))


@settings(
    max_examples=often(400, 5000),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(
    method=_methods,
    path=st.tuples(st.sampled_from(BASES), st.sampled_from(RESTS)),
    query=_queries,
    headers=_headers,
    body=_bodies,
    name=st.sampled_from((None, "ann", "bob")),
)
def test_every_answer_means_something(
    method: str,
    path: tuple[str, str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    name: str | None,
) -> None:
    """Bad requests are told so, as problems; what is good has a body."""
    asked = "&".join(f"{each}={quote(value)}" for each, value in query)
    sent = Headers({"Host": "localhost"} | ({} if name is None else {"X-Name": name}))
    sent.update(headers)
    request = Request(method, "".join(path) + ("?" + asked if asked else ""), sent, body)
    request.may_wait = lambda: False
    response = _app.respond(request)
    streamed = isinstance(response, StreamingResponse)
    found = b"".join(response.chunks) if isinstance(response, StreamingResponse) else response.body
    assert response.status < 500, found
    if response.status >= 400:
        assert b'"status":%d' % response.status in found or found.startswith(b"<!DOCTYPE html>")
    elif response.status == 200 and not streamed:
        assert found


_app = Brubeck(streams=[Things, Own, Parted], storage=MemoryStorage())


def test_a_patch_is_no_longer_than_an_item() -> None:
    """413 before it is looked at: what it would be as values takes many times as much."""
    client = Client(Brubeck(streams=[Things], storage=MemoryStorage()))
    assert client.post("/things", json={"id": "a", "text": "x"}).status == 201
    body = b'{"extra":{"many":[' + b",".join([b"[]"] * (MAX_BYTES // 2)) + b"]}}"
    for name in ("a", "nobody"):
        reply = client.patch(
            f"/things/{name}", body=body, headers={"Content-Type": "application/json"}
        )
        assert reply.status == 413
    assert client.get("/things/a").json()["data"]["text"] == "x"


TWICE = [
    b'{"text":"a","text":"b"}',
    b'{"extra":{"a":1,"a":2}}',
    b'{"extra":{"a":[{"b":{"c":1,"\\u0063":2}}]}}',
    b'{"number":1,"extra":{},"extra":{"x":":"}}',
    b'{"extra":{"x":":","y":null,"y":"::"}}',
]
OF_JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("body", TWICE)
def test_a_key_that_stands_twice_is_refused(method: str, body: bytes) -> None:
    """By every write, at any depth: readers differ in which of the two counts."""
    client = Client(Brubeck(streams=[Things]))
    assert client.post("/things", json={"id": "a", "text": "x"}).status == 201
    path = "/things" if method == "POST" else "/things/a"
    reply = client.request(method, path, body=body, headers=OF_JSON)
    assert reply.status == 422
    assert "more than once" in reply.text
    assert client.get("/things/a").json()["data"]["text"] == "x"


def test_a_patch_may_hold_what_only_looks_like_a_key_twice() -> None:
    """Colons and escapes in texts, the same key in two objects."""
    client = Client(Brubeck(streams=[Things]))
    assert client.post("/things", json={"id": "a"}).status == 201
    for body in (
        b'{"text":"a:b\\"c:"}',
        b'{"extra":{"a":{"a":[{"a":1},{"a":2}]}}}',
        b'{"text":null}',
    ):
        reply = client.patch("/things/a", body=body, headers=OF_JSON)
        assert reply.status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", "/things", b'{"text":"a"}', OF_JSON),
        ("POST", "/things", b'[{"text":"a"}]', OF_JSON),
        ("POST", "/things", b'{"text":"a"}\n', LINES),
        ("PUT", "/things/a", b'{"text":"a"}', OF_JSON),
        ("PATCH", "/things/a", b'{"text":"a"}', {"Content-Type": "application/merge-patch+json"}),
    ],
)
def test_every_write_judges_codings_and_byte_order_marks_alike(
    method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    """A coded body is a 415; a mark is a 400 that names it, in an import of its line."""
    client = Client(Brubeck(streams=[Things]))
    assert client.post("/things", json={"id": "a"}).status == 201

    def write(sent: bytes, **more: str) -> Reply:
        extra = {name.replace("_", "-"): value for name, value in more.items()}
        return client.request(method, path, body=sent, headers=headers | extra)

    reply = write(body, Content_Encoding="gzip")
    assert (reply.status, reply.headers["Accept-Encoding"]) == (415, "identity")
    assert write(body, Content_Encoding="identity").status in (200, 201)
    text = write(b"\xef\xbb\xbf" + body).text
    assert "byte order mark" in text
    assert json.loads(text.split("\n")[0])["status"] == 400


def test_a_filter_takes_so_many_values_and_no_more() -> None:
    """Each is work for the storage: one more is a 400."""
    client = Client(Brubeck(streams=[Things]))
    most = "&".join(f"tags__in={n}" for n in range(MAX_CHOICES))
    assert client.get(f"/things?{most}").status == 200
    refused = client.get(f"/things?{most}&tags__in=more")
    assert refused.status == 400
    assert f"at most {MAX_CHOICES} values, not {MAX_CHOICES + 1}" in refused.json()["detail"]
    assert client.get(f"/things/changes?{most}&tags__in=more").status == 400


def test_a_filtered_list_has_so_many_members_and_no_more() -> None:
    """Each has an order of its own: one more is the fault of its item alone, a 422."""
    client = Client(Brubeck(streams=[Things]))
    most = [str(n) for n in range(MAX_VALUES)]
    good, bad = {"tags": most}, {"tags": [*most, "more"]}
    assert client.post("/things", json=good).status == 201
    refused = client.post("/things", json=bad)
    assert refused.status == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/tags"]
    assert client.put("/things/x", json=bad).status == 422
    both = client.post("/things", json=[bad, good])
    assert both.status == 207
    assert [each["status"] for each in both.json()["data"]] == [422, 201]
