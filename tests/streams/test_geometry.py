"""The declaration of a geometry: on the document, checked when a stream of it is made."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, GeoPointField, IntField, StringField
from brubeck.errors import ConfigError
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams.geometry import Geometry
from brubeck.testing import Client


class Place(StreamedDocument):
    """A place in more than one way."""

    _private_fields = ("secret",)

    name = StringField()
    east = FloatField()
    north = IntField()
    depth = FloatField()
    at = GeoPointField()
    other = GeoPointField()
    latitude = FloatField()
    longitude = FloatField()
    secret = FloatField(default=1.0)


def declared(fields: Any, model: type[StreamedDocument] = Place, **more: Any) -> Any:
    """Return a stream of places with a declared geometry."""
    own = type("Own", (model,), {"_geometry": fields})
    return type("Places", (StreamHandler,), {"model": own, "path": "/places", **more})


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (("east", "north"), Geometry("", "east", "north")),
        (["east", "north", "depth"], Geometry("", "east", "north", "depth")),
        ("other", Geometry("other")),
        (("other",), Geometry("other")),
        ("", Geometry("at")),
        (None, None),
    ],
)
def test_a_document_names_its_fields(geometry: Any, expected: Geometry | None) -> None:
    """Numbers or a point; empty, they are found, and None has none."""
    handler = declared(geometry)
    assert handler.spec.geometry == expected
    client = Client(Brubeck(streams=[handler]))
    assert client.get("/places.geojson").status == (404 if expected is None else 200)


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (("latitude", "longitude"), "the longitude comes first"),
        (("longitude", "nort"), 'there is no field "nort". Did you mean "north"?'),
        (("east", "secret"), "secret is private"),
        (("east", "name"), "name is no number"),
        ("name", "not name"),
        (("east",), "a longitude, a latitude and maybe a height"),
        (("east", "east"), "a longitude, a latitude and maybe a height"),
        (("east", "north", "depth", "latitude"), "maybe a height"),
        ((), "not nothing"),
        (("at", "other"), "at is no number"),
        (5, "is a tuple of names"),
        ((1, 2), "is a tuple of names"),
    ],
)
def test_what_is_no_geometry_is_refused(geometry: Any, message: str) -> None:
    """When the class is made, with the rule."""
    with pytest.raises(ConfigError) as caught:
        declared(geometry)
    assert message in str(caught.value)


def test_a_box_takes_a_geometry() -> None:
    """Without one there is nothing to filter by; a field of that name is a field."""
    with pytest.raises(ConfigError, match="takes items with a position"):
        declared(None, filters=("bbox",))
    named = type("Named", (StreamedDocument,), {"bbox": StringField()})
    handler = declared("", named, filters=("bbox",))
    assert handler.spec.parameters.filters["bbox"].operator == "eq"


def test_a_geometry_elsewhere_is_refused() -> None:
    """On the handler, or without the underscore: it would declare nothing."""
    with pytest.raises(ConfigError, match="there is _geometry of the model"):
        declared("", geometry=("east", "north"))
    with pytest.raises(ConfigError, match='Did you mean "_geometry"'):
        declared("", type("Own", (Place,), {"geometry": ("east", "north")}))


def test_a_height_is_the_third_number() -> None:
    """Of the items that have one."""
    client = Client(Brubeck(streams=[declared(("east", "north", "depth"))]))
    client.put("/places/a", json={"east": 7, "north": 45, "depth": 0.5})
    client.put("/places/b", json={"east": 190, "north": 45})
    client.put("/places/c", json={"north": 45, "depth": 1})
    found = client.get("/places.geojson?order=oldest").json()["features"]
    places = [each["geometry"] and each["geometry"]["coordinates"] for each in found]
    assert places == [[7, 45, 0.5], [-170, 45], None]
