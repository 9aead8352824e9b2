"""Geometry: the position of each item of a stream, as its document declares it, and boxes of them.

A document has a position by a `GeoPointField`, by number fields that ``_geometry`` names, or by two
number fields of the usual names. A position is a longitude and a latitude in degrees (WGS 84), in
this order, and maybe a height. What is nowhere on earth is no position.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from math import isfinite
from typing import Any, Final

import msgspec

from brubeck.dictshield.fields import GeoPointField
from brubeck.errors import ConfigError, did_you_mean

LATITUDES: Final = ("latitude", "lat")
LONGITUDES: Final = ("longitude", "lon", "lng", "long")
POINT_LATITUDES: Final = (*LATITUDES, "y")
POINT_LONGITUDES: Final = (*LONGITUDES, "x")
"""The names in a `GeoPointField` that is an object; a list has the latitude first."""
_NUMBERS: Final = frozenset(("number", "integer"))
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_BOX: Final = 300
"""The maximal length of a ``bbox``."""

Ranges = tuple[float, ...]
"""Bounds of ranges, ``(low, high, low, high, …)``, as conditions have them."""


class Geometry(msgspec.Struct, frozen=True):
    """The fields with the position of an item: a point, or two or three numbers."""

    point: str = ""
    longitude: str = ""
    latitude: str = ""
    height: str = ""

    @classmethod
    def of_names(cls, names: Sequence[str]) -> Geometry:
        """Return the geometry of fields in the order of ``_geometry``, one for a point."""
        return cls(names[0]) if len(names) == 1 else cls("", *names)

    @property
    def names(self) -> list[str]:
        """The fields, in the order of ``_geometry``."""
        return [name for name in msgspec.structs.astuple(self) if name]

    def of(self, found: Mapping[str, msgspec.Raw]) -> tuple[float, float] | None:
        """Return the longitude and the latitude of an item's members, or None."""
        if self.point:
            return point_of(_value(found, self.point))
        return position(_value(found, self.latitude), _value(found, self.longitude))

    def coordinates(self, found: Mapping[str, msgspec.Raw]) -> tuple[float, ...] | None:
        """Return the position of an item's members as GeoJSON has it, or None.

        The height is the third number, where the item has one.
        """
        place = self.of(found)
        if place is None or not self.height:
            return place
        height: Any = _value(found, self.height)
        return (*place, height) if _is_number(height) else place


class Box(msgspec.Struct, frozen=True):
    """A bounding box as the ranges of a condition: degrees, and heights if it has any."""

    latitudes: Ranges
    longitudes: Ranges
    heights: Ranges = ()


def declare_geometry(model: Any, hidden: Container[str], owner: str) -> Geometry | None:
    """Return the fields of a model with positions, or None; private ones have none.

    Raises `ConfigError` for a ``_geometry`` that names no such fields.
    """
    declared: Any = model._geometry  # noqa: SLF001, a list of the model's, as its private fields
    if declared is None:
        return None
    fields: dict[str, Any] = {
        name: field for name, field in model._fields.items() if name not in hidden
    }
    if declared == "":
        return _detected(fields)
    where = f"{owner}.model: {model.__name__}._geometry"
    names = (declared,) if isinstance(declared, str) else declared
    if not isinstance(names, tuple | list) or not all(isinstance(each, str) for each in names):
        raise ConfigError(
            f'{where} is a tuple of names, ("longitude", "latitude"), or the name of a '
            f"GeoPointField, not {declared!r}."
        )
    for name in names:
        if name not in model._fields:
            raise ConfigError(f'{where}: there is no field "{name}".{did_you_mean(name, fields)}')
        if name not in fields:
            raise ConfigError(f"{where}: {name} is private, and a position would show it.")
    return _named(names, fields, where)


def _named(names: Sequence[str], fields: Mapping[str, Any], where: str) -> Geometry:
    """Return the geometry of fields that a model names, all of which there are."""
    if len(names) == 1 and isinstance(fields[names[0]], GeoPointField):
        return Geometry.of_names(names)
    if not 2 <= len(names) <= 3 or len(set(names)) < len(names):
        given = ", ".join(names) or "nothing"
        raise ConfigError(
            f"{where} names a longitude, a latitude and maybe a height, or one GeoPointField; "
            f"not {given}."
        )
    for name in names:
        if fields[name].kind not in _NUMBERS:
            raise ConfigError(f"{where}: {name} is no number.")
    if names[0] in LATITUDES or names[1] in LONGITUDES:
        raise ConfigError(f"{where}: the longitude comes first, as in GeoJSON.")
    return Geometry.of_names(names)


def _detected(fields: Mapping[str, Any]) -> Geometry | None:
    """Return the fields with positions by their types and names, or None."""
    point = next((name for name, each in fields.items() if isinstance(each, GeoPointField)), "")
    if point:
        return Geometry(point)
    numbers = [name for name, field in fields.items() if field.kind in _NUMBERS]
    latitude = next((name for name in LATITUDES if name in numbers), "")
    longitude = next((name for name in LONGITUDES if name in numbers), "")
    return Geometry("", longitude, latitude) if latitude and longitude else None


def _value(found: Mapping[str, msgspec.Raw], name: str) -> object:
    return msgspec.json.decode(found[name]) if name in found else None


def point_of(value: object) -> tuple[float, float] | None:
    """Return the position of a `GeoPointField`: a latitude and a longitude, or by their names."""
    if isinstance(value, dict):
        latitude = next((value[name] for name in POINT_LATITUDES if name in value), None)
        longitude = next((value[name] for name in POINT_LONGITUDES if name in value), None)
        return position(latitude, longitude)
    return position(*value[:2]) if isinstance(value, list) and len(value) > 1 else None


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


def parse_box(text: str, *, has_height: bool) -> Box:
    """Return the box of four or six numbers with commas; `ValueError` where it is none.

    A box with a west greater than its east reaches across the antimeridian (RFC 7946, 5.2). The
    longitudes are those of the items as they are stored, so one of 190 is in the box of -170.

    >>> parse_box('170,-20,-170,10', has_height=False)
    Box(latitudes=(-20.0, 10.0), longitudes=(-190.0, -170.0, 170.0, 190.0), heights=())
    """
    parts = text.split(",", 6) if len(text) <= _LONGEST_BOX else []
    if len(parts) not in (4, 6):
        raise ValueError(
            "it takes four numbers with commas, west,south,east,north, or six with heights, "
            "west,south,lowest,east,north,highest"
        )
    numbers = [_number(part.strip()) for part in parts]
    half = len(numbers) // 2
    (west, south, *low), (east, north, *high) = numbers[:half], numbers[half:]
    for degrees in (west, east):
        if abs(degrees) > 180:
            raise ValueError(f"{degrees:g} is no longitude, which lies within ±180")
    for degrees in (south, north):
        if abs(degrees) > 90:
            raise ValueError(f"{degrees:g} is no latitude, which lies within ±90")
    if south > north:
        raise ValueError(f"its south, {south:g}, is greater than its north, {north:g}")
    if low > high:
        raise ValueError(f"its lowest, {low[0]:g}, is greater than its highest, {high[0]:g}")
    if low and not has_height:
        raise ValueError("the items have no heights here; it takes west,south,east,north")
    return Box((south, north), _around(west, east), (*low, *high))


def _around(west: float, east: float) -> Ranges:
    """Return the longitudes from one to another, eastwards, within once around either way."""
    end = east if west <= east else east + 360
    turns = [(west + turn, end + turn) for turn in (-720.0, -360.0, 0.0, 360.0)]
    return tuple(
        bound
        for low, high in turns
        if low <= 360 and high >= -360
        for bound in (max(low, -360.0), min(high, 360.0))
    )


def _number(text: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else float("nan")
    if not isfinite(number):
        raise ValueError(f'"{text[:40]}" is no number')
    return number
