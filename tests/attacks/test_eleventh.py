"""The eleventh attack: its findings on the newest parts, and inputs that found nothing."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.connections.http1 import Http1, Limits
from brubeck.dictshield.fields import FloatField, IntField, ListField, StringField
from brubeck.errors import ConfigError
from brubeck.http import Problem
from brubeck.http.proxies import Client as Peer
from brubeck.storage import Storage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.attacks.measuring import measured
from tests.streams.people import World


def test_many_searches_at_once_let_others_be_served() -> None:
    """Twenty readers of a rare filter had their turns before anybody else, for seconds."""
    holds = measured("held_by_searches", "memory://")
    assert {name: hold for name, hold in holds.items() if hold > 0.3} == {}


# Guards as other frameworks have them.


@pytest.mark.parametrize(
    "name", ["decorators", "method_decorators", "dependencies", "permission_required", "__acl__"]
)
def test_a_list_of_guards_is_refused_where_nothing_reads_it(name: str) -> None:
    """A stream that has one looked protected, and was open."""
    mixin = type("Mixin", (), {name: [staticmethod]})
    for bases in ((mixin, StreamHandler), (StreamHandler, mixin)):
        with pytest.raises(ConfigError, match="declares nothing"):
            type("Guarded", bases, {"model": Mark})


@pytest.mark.parametrize("name", ["test_func", "has_object_permission", "__call__"])
def test_a_method_of_a_guard_is_refused_where_nothing_calls_it(name: str) -> None:
    """It would refuse everybody."""
    with pytest.raises(ConfigError, match="declares nothing"):
        type("Guarded", (StreamHandler,), {"model": Mark, name: lambda *_: False})


# Versions.


def put_versions(world: World, name: str, rest: str) -> dict[str, int | None]:
    """Return the versions that changes show to somebody, by id; None of a deletion."""
    found = world.ask(name, "GET", f"/changes{rest}").json()["data"]
    return {each["id"]: each.get("version") for each in found}


def test_a_version_says_nothing_of_an_item_out_of_sight(any_storage: Storage) -> None:
    """It counts the writes before an item was shared, and none that follow when it is not."""
    world = World(any_storage)
    made = world.write("bob", text="0")["id"]
    other = world.write("bob", text="0", readers=["ann"])["id"]
    for number in range(3):
        world.ask("bob", "PATCH", f"/{made}", json={"text": f"{number + 1}"})
    assert put_versions(world, "ann", "?after=0") == {other: 1}
    world.ask("bob", "PATCH", f"/{made}", json={"readers": ["ann"]})
    assert put_versions(world, "ann", "?after=0") == {other: 1, made: 5}
    world.ask("bob", "PATCH", f"/{made}", json={"readers": []})
    world.ask("bob", "PATCH", f"/{made}", json={"text": "later"})
    for rest in ("?after=0", "?after=0&mood=x"):
        assert put_versions(world, "ann", rest).get(made) is None
    gone = world.ask("ann", "GET", "/changes").text
    assert "later" not in gone
    assert '"version":7' not in gone


# Requests that two servers could read differently.

POST = b"POST / HTTP/1.1\r\nHost: h\r\n"
CODINGS = (b"identity", b"\x0bchunked", b"xchunked", b'"chunked"', b"chunked;x=1", b"")
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        *(POST + b"Transfer-Encoding: %b\r\n\r\n0\r\n\r\n" % each for each in CODINGS),
        *(POST + b"Content-Length: %b\r\n\r\nhello" % each for each in (b"5_0", b"\xb25", b"")),
        *(POST + b"Transfer-Encoding%b: chunked\r\n\r\n" % each for each in (b"\0", b"\xa0")),
        *(CHUNKED + each + b"\r\nabc\r\n0\r\n\r\n" for each in (b"0x3", b"+3", b"3 ", b" 3", b"")),
        *(CHUNKED + each + b"abc\r\n0\r\n\r\n" for each in (b"3\n", b"3;a\n", b"3;a\rb\r\n")),
        *(CHUNKED + b"3\r\nabc" + each + b"0\r\n\r\n" for each in (b"\n", b"X\n", b"\rX")),
        CHUNKED + b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n",
        CHUNKED + b"0\r\n\nGET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\nHost: h\n\n",
    ],
)
def test_no_odd_end_or_length_of_a_body_is_read_in_some_way(raw: bytes) -> None:
    """A proxy may read it in another."""
    with pytest.raises(Problem) as refused:
        Http1(Limits(), Peer("127.0.0.1")).feed(raw)
    assert refused.value.status == 400


@pytest.mark.parametrize("coding", ["gzip, chunked", "chunked, chunked", "gzip", "xchunked"])
def test_a_body_in_another_coding_is_no_empty_one(coding: str) -> None:
    """A server of WSGI may pass it on, and its length is nowhere."""
    app = Brubeck(streams=[Marks], storage="memory://")
    statuses: list[str] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/marks",
        "HTTP_TRANSFER_ENCODING": coding,
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(b"2\r\n{}\r\n0\r\n\r\n"),
    }
    b"".join(app.wsgi(environ, lambda status, _: statuses.append(status)))
    assert statuses == ["501 Not Implemented"]


# Odd parameters of the newest filters.


class Mark(StreamedDocument):
    """An item with a position, a size and labels."""

    longitude = FloatField()
    latitude = FloatField()
    magnitude = FloatField()
    number = IntField()
    labels = ListField(StringField())


class Marks(StreamHandler):
    """A public stream with each kind of filter."""

    model = Mark
    path = "/marks"
    filters = ("bbox", "number", "number__gte", "magnitude__in", "labels__in")
    accept_created_at = True


ITEMS: tuple[dict[str, Any], ...] = (
    *({"created_at": -62_135_596_800_000}, {"created_at": 253_402_300_799_999}),
    {"longitude": -180.0, "latitude": 90.0, "magnitude": 1e308},
    {"longitude": 180.0, "latitude": -90.0, "magnitude": -1e308},
    *({"longitude": 1e308, "latitude": 1e308}, {"longitude": 0.1, "latitude": -0.0}),
    *({"number": 2**63 - 1}, {"number": -(2**63)}, {"labels": ["<b>"] * 100}),
)
QUERIES = (
    *("", "limit=1", "limit=200&order=oldest", "limit=%D9%A3", "total=maybe", "fields=."),
    *("bbox=-180,-90,180,90", "bbox=170,-10,-170,10", "bbox=1e308,1e308,-1e308,-1e308"),
    *("bbox=-1e400,0,1,1", "bbox=nan,0,1,1", "bbox=0,0,0,0,0,0", "bbox=,,,", "bbox=1&bbox=2"),
    *("datetime=..", "datetime=../..", "datetime=9999-12-31", "datetime=0000-01-01"),
    *("datetime=2018-01-01T00:00:60Z", "datetime=2020-02-30/..", "since=253402300800000"),
    *("number=9223372036854775808", "number__gte=-9223372036854775808", "magnitude__in=1e400"),
    *("labels__in=", "labels__in=%00", "labels__in=%ff", "labels__in=%ed%a0%80"),
    *("before=~", "before=1~", "after=-62135596800001~a", "&".join(["number=1"] * 3000)),
)
PATHS = (
    *("/marks", "/marks.csv", "/marks.geojson", "/marks.atom", "/marks/changes"),
    *("/ogc/collections/marks/items", "/ogc/collections/marks/items/x"),
)


def test_no_odd_box_moment_or_number_is_an_error_of_the_server() -> None:
    """Neither in stored items nor in answers, in any format."""
    client = Client(Brubeck(streams=[Marks], storage="memory://", features="/ogc"))
    for item in ITEMS:
        assert client.post("/marks", json=item).status == 201
    accepted = ("*/*", "text/html")
    for path, query, accept in itertools.product(PATHS, QUERIES, accepted):
        reply = client.get(f"{path}?{query}", headers={"Accept": accept})
        assert reply.status < 500, (path, query[:80], accept)
        assert b"<b>" not in reply.body or not reply.headers["Content-Type"].startswith("text/html")
