"""GeoJSON: every item a feature, whatever its coordinates are."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import BooleanField, FloatField, GeoPointField, StringField
from brubeck.storage import Storage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client, Reply

GEO = {"Accept": "application/geo+json"}


class Place(StreamedDocument):
    """A place by two numbers."""

    name = StringField()
    latitude = FloatField()
    longitude = FloatField()


class Point(StreamedDocument):
    """A place by a point."""

    at = GeoPointField()


class Secret(StreamedDocument):
    """A place that nobody may know."""

    _private_fields = ("latitude",)

    name = StringField()
    latitude = FloatField()
    longitude = FloatField()


def served(model: type[StreamedDocument], storage: Any = None, **declared: Any) -> Client:
    """Return a client of a program with a stream of places at ``/places``."""
    attributes = {"model": model, "path": "/places", "accept_created_at": True, **declared}
    handler: type[StreamHandler] = type("Places", (StreamHandler,), attributes)
    return Client(Brubeck(streams=[handler], storage={"default": storage} if storage else None))


def features(reply: Reply) -> list[dict[str, Any]]:
    """Return the features of an answer."""
    assert reply.status == 200, reply.text
    found = reply.json()
    assert found["type"] == "FeatureCollection"
    listed: list[dict[str, Any]] = found["features"]
    return listed


def geometries(found: list[dict[str, Any]]) -> list[Any]:
    """Return the coordinates of each feature, None for one without."""
    return [each["geometry"] and each["geometry"]["coordinates"] for each in found]


@pytest.mark.parametrize("count", [0, 1, 3, 2500])
def test_every_item_is_a_feature_however_many_there_are(any_storage: Storage, count: int) -> None:
    """With all that the caller sees as properties, and the id."""
    path = f"/p{uuid4().hex[:8]}"
    client = served(Place, any_storage, path=path, max_batch=5000)
    items = [
        {"id": f"p{n}", "latitude": 1.5, "longitude": n % 180, "created_at": n}
        for n in range(count)
    ]
    if items:
        assert client.post(path, json=items).status == 201
    reply = client.get(f"{path}.geojson?order=oldest")
    assert reply.headers["Content-Type"] == "application/geo+json"
    assert reply.headers["Content-Disposition"].endswith('.geojson"')
    found = features(reply)
    assert geometries(found) == [[n % 180, 1.5] for n in range(count)]
    assert [each["id"] for each in found] == [each["id"] for each in items]
    listed = client.get(f"{path}?limit=200&order=oldest").json()["data"]
    assert [each["properties"] for each in found[:200]] == listed
    assert features(client.get(f"{path}?order=oldest", headers=GEO)) == found


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (45, 7.25, [7.25, 45]),
        (-90, -180, [-180, -90]),
        (90, 180, [180, 90]),
        (40, 190, [-170, 40]),
        (40, -200, [160, 40]),
        (90.1, 0, None),
        (0, 361, None),
        (1e300, 0, None),
        (None, 5, None),
        (5, None, None),
    ],
)
def test_what_is_nowhere_on_earth_has_no_geometry(
    latitude: float | None, longitude: float | None, expected: list[float] | None
) -> None:
    """And is a feature all the same; a longitude may have gone once around."""
    client = served(Place)
    client.post("/places", json={"latitude": latitude, "longitude": longitude})
    assert geometries(features(client.get("/places.geojson"))) == [expected]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ([45, 7], [7, 45]),
        ({"lat": 45, "lon": 7}, [7, 45]),
        ({"longitude": 7, "latitude": 45}, [7, 45]),
        ({"x": 7, "y": 45}, [7, 45]),
        ({"a": 7, "b": 45}, None),
        ([100, 7], None),
        (None, None),
    ],
)
def test_a_point_is_a_latitude_and_a_longitude(at: object, expected: list[float] | None) -> None:
    """In this order, or by their names."""
    client = served(Point)
    assert client.post("/places", json={"at": at}).status == 201
    assert geometries(features(client.get("/places.geojson"))) == [expected]


def test_bounds_filters_and_fields_are_those_of_an_export() -> None:
    """The geometry stays when the coordinates are not among the fields."""
    client = served(Place, filters=("name",))
    items = [
        {"name": name, "latitude": 1, "longitude": 2, "created_at": n}
        for n, name in enumerate("aba")
    ]
    client.post("/places", json=items)
    found = features(client.get("/places.geojson?name=a&fields=name&since=1"))
    assert geometries(found) == [[2, 1]]
    assert set(found[0]["properties"]) == {"id", "name"}
    assert client.get("/places.geojson?total=true").status == 400


def test_a_limit_makes_a_page() -> None:
    """With the number of its features and links to the next, in the same format."""
    client = served(Place, filters=("name",))
    items = [{"id": f"p{n}", "name": "x", "latitude": 1, "longitude": n} for n in range(5)]
    client.post("/places", json=items)
    url: str | None = "/places.geojson?limit=2&name=x&total=true"
    found: list[str] = []
    while url is not None:
        reply = client.get(url)
        page = reply.json()
        assert reply.headers["Content-Type"] == "application/geo+json"
        assert "Content-Disposition" not in reply.headers
        assert page["numberReturned"] == len(features(reply))
        assert page.get("numberMatched") == (5 if "total" in url else None)
        found += [each["id"] for each in page["features"]]
        links = {each["rel"]: each["href"] for each in page["links"]}
        assert links["self"] == f"http://localhost{url}"
        assert ("next" in links) == ('rel="next"' in reply.headers.get("Link", ""))
        url = links["next"].removeprefix("http://localhost") if "next" in links else None
    assert sorted(found) == ["p0", "p1", "p2", "p3", "p4"]
    first = client.get("/places?count=2", headers=GEO)
    assert first.json()["numberReturned"] == 2
    assert first.json()["links"][1]["href"].startswith("http://localhost/places?")
    again = {**GEO, "If-None-Match": first.headers["ETag"]}
    assert client.get("/places?count=2", headers=again).status == 304
    client.put("/places/p9", json={"latitude": 1})
    assert client.get("/places?count=2", headers=again).status == 200
    assert client.get("/places.geojson?limit=0").status == 400
    without = served(Place, filters=()).get("/places?limit=2", headers=GEO)
    assert (without.json()["features"], without.json()["numberReturned"]) == ([], 0)


@pytest.mark.parametrize(
    "model", [Secret, type("Flag", (StreamedDocument,), {"lat": BooleanField()})]
)
def test_a_stream_without_coordinates_offers_none(model: type[StreamedDocument]) -> None:
    """Also where they are private."""
    client = served(model)
    assert client.get("/places.geojson").status == 404
    assert client.get("/places", headers=GEO).status == 406
    described = client.get("/openapi.json").json()["paths"]["/places"]["get"]
    assert "application/geo+json" not in described["responses"]["200"]["content"]


def test_it_is_described() -> None:
    """Where it is to be had."""
    described = served(Place).get("/openapi.json").json()["paths"]["/places"]["get"]
    assert "application/geo+json" in described["responses"]["200"]["content"]
