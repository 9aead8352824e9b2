"""Maps: the items of a page that have coordinates, as points on an outline of the world.

The projection is equirectangular: an x is a longitude and a y the negative of a latitude, both in
degrees. The window is that of the points, across the antimeridian where that is the shorter way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from brubeck import green
from brubeck.storage import Record
from brubeck.streams.context import Context
from brubeck.streams.entries import plain
from brubeck.streams.geometry import Geometry
from brubeck.streams.projection import members
from brubeck.streams.spec import StreamSpec

SIZES: Final = (
    *("magnitude", "mag", "intensity", "size", "weight", "population", "amount", "value"),
    *("count", "total", "score"),
)
"""The names of fields that are a size, before any other number."""
WIDTH: Final = 720
"""The width of a map in pixels, as it is drawn at the most."""
_NARROWEST: Final = 60.0
"""The minimal width of a window in degrees: the outline is no finer."""
_MARGIN: Final = 1.25
_RADII: Final = (3.5, 11.0)
_LONGEST: Final = 60
_NUMBERS: Final = frozenset(("number", "integer"))


class Point(msgspec.Struct, frozen=True):
    """An item on the map, with the link to it; ``high`` is one of the third with most."""

    x: float
    y: float
    radius: float
    text: str
    href: str
    high: bool


class WorldMap(msgspec.Struct, frozen=True):
    """A map: its window, the places of the outline in it, its points, and their meaning."""

    window: str
    outlines: list[int]
    points: list[Point]
    words: str


class Axes(msgspec.Struct, frozen=True):
    """The coordinates, and the fields with the size and the text of an item; empty for none."""

    coordinates: Geometry
    size: str
    text: str


def axes_of(spec: StreamSpec) -> Axes | None:
    """Return the fields of a stream that make a map, or None where it has no coordinates."""
    return _axes(spec.model, spec.hidden, spec.geometry)


@lru_cache(maxsize=256)
def _axes(model: Any, hidden: frozenset[str], found: Geometry | None) -> Axes | None:
    if found is None:
        return None
    fields = {name: field for name, field in model._fields.items() if name not in hidden}
    places = (found.latitude, found.longitude)
    numbers = [name for name, field in fields.items() if field.kind in _NUMBERS]
    others = [name for name in numbers if name not in places]
    size = next((name for name in SIZES if name in others), others[0] if others else "")
    own = [name for name, field in fields.items() if field.kind == "string" and name != "id"]
    return Axes(found, size, own[0] if own else "")


def world_map(context: Context, records: Sequence[Record]) -> WorldMap | None:
    """Return the map of a page's items, or None where the stream has no coordinates."""
    axes = axes_of(context.spec)
    if axes is None:
        return None
    places = list(green.fairly(_places(axes, records)))
    if not places:
        return WorldMap("", [], [], "No item of this page has coordinates.")
    left, top, width = _window([at for at, _, _ in places])
    sizes = [size for _, size, _ in places if size is not None]
    scale = _Scale(min(sizes, default=0.0), max(sizes, default=0.0), width / WIDTH)
    # The largest lie below the others, which could not be clicked.
    places.sort(key=lambda place: -scale.share(place[1]))
    points = [_drawn(each, axes, scale, left, context.base) for each in green.fairly(places)]
    words = f"{len(points)} of {len(records)} items"
    if sizes:
        words += f", by {_words(axes.size)} from {plain(scale.least)} to {plain(scale.most)}"
    shifts = [at for at in (-360, 0, 360) if left < at + 180 and left + width > at - 180]
    return WorldMap(f"{left:g} {top:g} {width:g} {width / 2:g}", shifts, points, words)


class _Scale(msgspec.Struct, frozen=True):
    """The scale of the circles: the least and the most of the sizes, and degrees for a pixel."""

    least: float
    most: float
    pixel: float

    def share(self, size: float | None) -> float:
        """Return the place of a size between the least, 0, and the most, 1."""
        if size is None or self.most <= self.least:
            return 0.0
        return (size - self.least) / (self.most - self.least)

    def radius(self, size: float | None) -> float:
        """Return the radius of a circle in degrees."""
        small, large = _RADII
        return round((small + (large - small) * self.share(size)) * self.pixel, 3)


_Place = tuple[tuple[float, float], float | None, tuple[str, str]]


def _drawn(place: _Place, axes: Axes, scale: _Scale, left: float, base: str) -> Point:
    (latitude, longitude), size, (item_id, text) = place
    return Point(
        round(longitude + 360 if longitude < left else longitude, 2),
        round(-latitude, 2),
        scale.radius(size),
        text if size is None else f"{text}: {_words(axes.size)} {plain(size)}",
        f"{base}/{item_id}",
        scale.share(size) > 2 / 3,
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _places(axes: Axes, records: Sequence[Record]) -> Iterator[_Place]:
    """Yield the coordinates, the size, and the id with the text of each item that has any."""
    for record in records:
        found = members(record.body)
        place = axes.coordinates.of(found)
        at = None if place is None else place[::-1]
        if at is not None:
            text = _value(found, axes.text)
            shown = text if isinstance(text, str) and text else record.id
            short = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
            yield at, _number(_value(found, axes.size)), (record.id, short)


def _value(found: dict[str, msgspec.Raw], name: str) -> object:
    return msgspec.json.decode(found[name]) if name in found else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 1e15 else None


def _window(places: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the left and top edge and the width of a window that is twice as wide as high."""
    north, south = max(at for at, _ in places), min(at for at, _ in places)
    easts = sorted(at for _, at in places)
    # The widest gap between neighbours around the Earth is outside the window.
    gaps = [after - at for at, after in zip(easts, [*easts[1:], easts[0] + 360], strict=True)]
    widest = max(gaps)
    span = 360 - widest
    west = easts[(gaps.index(widest) + 1) % len(easts)]
    width = max(span * _MARGIN, (north - south) * _MARGIN * 2, _NARROWEST)
    if width >= 270:
        return -180.0, -90.0, 360.0
    left = west + span / 2 - width / 2
    middle = min(max((north + south) / 2, width / 4 - 90), 90 - width / 4)
    return round(left, 2), round(-middle - width / 4, 2), round(width, 2)
