"""GeoJSON (RFC 7946): the items of a stream that have coordinates, as features.

A stream has coordinates where its document has a `GeoPointField`, or two number fields of the usual
names. A position is a longitude and a latitude in degrees (WGS 84), in this order. An item without
coordinates, or with some that are nowhere on earth, is a feature without a geometry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from brubeck.dictshield.fields import GeoPointField
from brubeck.streams.projection import Projection, members
from brubeck.streams.spec import StreamSpec

MEDIA_TYPE: Final = "application/geo+json"
LATITUDES: Final = ("latitude", "lat")
LONGITUDES: Final = ("longitude", "lon", "lng", "long")
BEGIN: Final = b'{"type":"FeatureCollection","features":['
END: Final = b"\n]}\n"
_NUMBERS: Final = frozenset(("number", "integer"))


class Coordinates(msgspec.Struct, frozen=True):
    """The fields with the coordinates of an item: a point, or two numbers; empty for none."""

    point: str
    latitude: str
    longitude: str

    def of(self, found: dict[str, msgspec.Raw]) -> tuple[float, float] | None:
        """Return the longitude and the latitude of an item's members, or None."""
        place = point_of(_value(found, self.point)) if self.point in found else None
        if place is None:
            place = position(_value(found, self.latitude), _value(found, self.longitude))
        return place


def coordinates_of(spec: StreamSpec) -> Coordinates | None:
    """Return the fields of a stream with coordinates, or None; private fields have none."""
    return _coordinates(spec.model, spec.hidden)


@lru_cache(maxsize=256)
def _coordinates(model: Any, hidden: frozenset[str]) -> Coordinates | None:
    fields = {name: field for name, field in model._fields.items() if name not in hidden}
    numbers = [name for name, field in fields.items() if field.kind in _NUMBERS]
    points = [name for name, field in fields.items() if isinstance(field, GeoPointField)]
    latitude = next((name for name in LATITUDES if name in numbers), "")
    longitude = next((name for name in LONGITUDES if name in numbers), "")
    if not points and not (latitude and longitude):
        return None
    return Coordinates(points[0] if points else "", latitude, longitude)


def _value(found: dict[str, msgspec.Raw], name: str) -> object:
    return msgspec.json.decode(found[name]) if name in found else None


def point_of(value: object) -> tuple[float, float] | None:
    """Return the position of a `GeoPointField`: a latitude and a longitude, or by their names."""
    if isinstance(value, dict) and len(value) == 2:
        latitude = next((value[name] for name in (*LATITUDES, "y") if name in value), None)
        longitude = next((value[name] for name in (*LONGITUDES, "x") if name in value), None)
        return position(latitude, longitude)
    return position(*value) if isinstance(value, list) and len(value) == 2 else None


def position(latitude: object, longitude: object) -> tuple[float, float] | None:
    """Return a longitude and a latitude, or None for numbers that are nowhere on earth.

    A longitude may have gone once around.

    >>> position(40, 190), position(91, 0), position(True, 0)
    ((-170.0, 40.0), None, None)
    """
    if not (_is_number(latitude) and _is_number(longitude)):
        return None
    north, east = float(latitude), float(longitude)  # type: ignore[arg-type]  # both are numbers
    if abs(north) > 90 or abs(east) > 360:
        return None
    return (east if abs(east) <= 180 else (east + 180) % 360 - 180), north


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e15


def features(bodies: Sequence[bytes], fields: Coordinates, project: Projection) -> Iterator[bytes]:
    """Yield the feature of each item; its properties are the members that the caller sees.

    >>> both = Coordinates('', 'lat', 'lon')
    >>> list(features([b'{"id":"a","lat":1.5,"lon":2}'], both, lambda body: b'{"id":"a"}'))[0]
    b'{"type":"Feature","id":"a","geometry":{"type":"Point","coordinates":[2.0,1.5]},"properties":{"id":"a"}}'
    """
    for body in bodies:
        found = members(body)
        place = fields.of(found)
        geometry = b"null"
        if place is not None:
            geometry = b'{"type":"Point","coordinates":%b}' % msgspec.json.encode(place)
        yield b'{"type":"Feature","id":%b,"geometry":%b,"properties":%b}' % (
            bytes(found["id"]),
            geometry,
            project(body),
        )
