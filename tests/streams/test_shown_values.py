"""A value that was shown finds its item: whichever field, operator and storage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.dictshield import fields
from brubeck.dictshield.fields import (
    BaseField,
    BooleanField,
    DateTimeField,
    DecimalField,
    EmailField,
    FloatField,
    GeoPointField,
    IntField,
    ListField,
    LongField,
    MD5Field,
    MillisecondField,
    NumberField,
    ObjectIdField,
    SHA1Field,
    SortedListField,
    StringField,
    TimeStampField,
    URLField,
    UUIDField,
)
from brubeck.errors import ConfigError
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer
from tests.soak import often

RANGES = ("gt", "gte", "lt", "lte")
BIG = 1 << 53
FORMAT = "%d/%m/%Y %H:%M:%S.%f"


class Thing(StreamedDocument):
    """One of each field that can be filtered by."""

    string = StringField()
    email = EmailField()
    url = URLField()
    uuid = UUIDField()
    md5 = MD5Field()
    sha1 = SHA1Field()
    object_id = ObjectIdField()
    whole = IntField()
    long = LongField()
    number = NumberField()
    double = FloatField()
    truth = BooleanField()
    moment = DateTimeField()
    formatted = DateTimeField(format=FORMAT)
    seconds = TimeStampField()
    millis = MillisecondField()
    point = GeoPointField()
    strings = ListField(StringField())
    numbers = ListField(NumberField())
    moments = ListField(DateTimeField())
    sorteds = SortedListField(IntField())
    formatteds = ListField(DateTimeField(format=FORMAT))


NOT_SORTED = ("formatted", "formatteds")
FIELDS = [name for name in Thing._fields if name not in StreamedDocument._fields]


class Things(StreamHandler):
    """All of them, by every operator."""

    model = Thing
    path = "/things"
    filters = tuple(
        f"{name}__{operator}"
        for name in FIELDS
        for operator in ("eq", "in", *(() if name in NOT_SORTED else RANGES))
    )


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
ODD = ("", " ", "a,b", "+", "%2B", "a&b=c", "true", "1", "\u017f", "x" * 2000)
strings = texts | st.sampled_from(ODD)
longs = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 3).map(lambda n: BIG + n)
doubles = st.floats(allow_nan=False, allow_infinity=False)
doubles |= st.sampled_from([0.1, 1e300, -0.0, 5e-324, float(BIG), 1e16, 1e22, -1e-7])
offsets = st.integers(-18 * 60, 18 * 60).map(lambda m: timezone(timedelta(minutes=m)))
FIRST, LAST = (datetime(year, 1, 1) for year in (1000, 9998))  # noqa: DTZ001, Hypothesis adds it
zones: st.SearchStrategy[Any] = st.none() | st.just(UTC) | offsets
moments = st.datetimes(FIRST, LAST, timezones=zones)
plain = st.datetimes(FIRST, LAST)
hexes = st.text("0123456789abcdef", min_size=40, max_size=40)
emails = st.from_regex(r"[a-zA-Z0-9+]{1,20}@[a-z]{1,20}\.com", fullmatch=True)
urls = st.from_regex(r"https?://[a-z]{1,20}\.com/[a-zA-Z0-9%+&=?]{0,20}", fullmatch=True)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": strings,
    "email": emails,
    "url": urls,
    "uuid": st.uuids().map(str),
    "md5": hexes.map(lambda text: text[:32]),
    "sha1": hexes,
    "object_id": hexes.map(lambda text: text[:24]),
    "whole": longs,
    "long": longs,
    "number": longs | doubles,
    "double": doubles,
    "truth": st.booleans(),
    "moment": moments.map(datetime.isoformat),
    "formatted": plain.map(lambda moment: moment.strftime(FORMAT)),
    "seconds": st.integers(-60_000_000_000, 250_000_000_000),
    "millis": st.integers(-62_135_596_800_000, 253_402_300_799_999),
    "point": st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    "strings": st.lists(strings, min_size=1, max_size=3),
    "numbers": st.lists(longs | doubles, min_size=1, max_size=3),
    "moments": st.lists(moments.map(datetime.isoformat), min_size=1, max_size=3),
    "sorteds": st.lists(longs, min_size=1, max_size=3),
    "formatteds": st.lists(plain.map(lambda each: each.strftime(FORMAT)), min_size=1, max_size=3),
}


@pytest.fixture(scope="module", params=("memory", "sqlite", "redis", "mongodb"))
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Yield a client of the stream on each storage."""
    url = "memory://"
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('shown')}/things.db"
    elif request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        with redis.client() as server:
            server.flushall()
        url = redis.url
    elif request.param == "mongodb":
        mongo: MongoServer = request.getfixturevalue("mongo_server")
        url = f"mongodb://127.0.0.1:{mongo.port}/shown{uuid4().hex[:12]}"
    app = Brubeck(streams=[Things], storage=url)
    yield Client(app)
    app.close()


def found(client: Client, parameter: str, values: list[Any]) -> list[str]:
    """Return the ids of the items that a filter finds, with values as they were shown."""
    texts = [
        each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in values
    ]
    reply = client.get("/things", params=[(parameter, text) for text in texts] + [("limit", 200)])
    assert reply.status == 200, reply.text
    return [each["id"] for each in reply.json()["data"]]


def check(client: Client, name: str, value: Any) -> None:
    """Write an item with a value, and look for it by what is shown of it."""
    made = client.post("/things", json={name: value})
    assert made.status == 201, made.text
    item = made.json()["data"]
    shown = item[name]
    try:
        for member in shown if isinstance(shown, list) else [shown]:
            assert item["id"] in found(client, f"{name}__eq", [member])
            assert item["id"] in found(client, f"{name}__in", [member, member])
            if name in NOT_SORTED:
                continue
            assert item["id"] in found(client, f"{name}__gte", [member])
            assert item["id"] in found(client, f"{name}__lte", [member])
            if not isinstance(shown, list):  # another member may lie beyond
                assert item["id"] not in found(client, f"{name}__gt", [member])
                assert item["id"] not in found(client, f"{name}__lt", [member])
    finally:
        client.delete(f"/things/{item['id']}")


@pytest.mark.parametrize("name", FIELDS)
@settings(
    max_examples=often(8, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_value_that_was_shown_finds_its_item(
    client: Client, name: str, data: st.DataObject
) -> None:
    """By equality and ``in``; ``gte`` and ``lte`` include it, ``gt`` and ``lt`` do not."""
    check(client, name, data.draw(VALUES[name]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("moment", "2018-02-07T01:26:13.840123Z"),
        ("moment", "1969-12-31T23:59:59.999999"),
        ("moment", "2018-02-07T01:26:13.999999+05:30"),
        ("moments", ["2018-02-07T01:26:13.840123Z", "1969-12-31T23:59:59.000001Z"]),
        ("formatted", "07/02/2018 01:26:13.840123"),
        ("number", BIG + 1),
        ("number", -BIG - 1),
        ("number", (1 << 63) - 1),
        ("numbers", [BIG + 1, 0.1]),
        ("whole", -(1 << 63)),
        ("double", 1e300),
        ("double", -0.0),
        ("string", ""),
        ("strings", ["", "a&b=c"]),
    ],
)
def test_the_values_that_once_did_not(client: Client, name: str, value: Any) -> None:
    """Microseconds, whole numbers that are no doubles, texts of a format."""
    check(client, name, value)


@pytest.mark.parametrize("operator", RANGES)
@pytest.mark.parametrize("name", NOT_SORTED)
def test_texts_of_a_format_are_not_compared(name: str, operator: str) -> None:
    """They do not sort as moments do."""
    with pytest.raises(ConfigError, match="do not sort as moments do"):
        type("Sorted", (StreamHandler,), {"model": Thing, "filters": (f"{name}__{operator}",)})


def test_every_field_that_can_be_filtered_by_is_here() -> None:
    """One that is added has to be added here, or be refused as a filter."""
    known = {type(field) for field in Thing._fields.values()}
    for name in fields.__all__:
        kind = None if name.endswith("Mixin") else getattr(fields, name)
        if isinstance(kind, type) and issubclass(kind, BaseField) and kind is not DecimalField:
            assert kind in known or kind.kind in ("any", "object", "list"), name
