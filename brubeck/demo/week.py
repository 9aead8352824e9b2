"""One real week of the USGS earthquake feed, and how it becomes items of the stream."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

DATA = Path(__file__).with_name("earthquakes.geojson.gz")


def quakes() -> Iterator[dict[str, Any]]:
    """Yield each quake of the week in the order in which its report was last changed."""
    features = msgspec.json.decode(gzip.decompress(DATA.read_bytes()))["features"]
    yield from sorted(map(_item, features), key=lambda quake: quake["updated_at"])


def _item(feature: dict[str, Any]) -> dict[str, Any]:
    report = feature["properties"]
    longitude, latitude, depth = feature["geometry"]["coordinates"]
    item = {
        "id": feature["id"],
        "created_at": report["time"],
        "updated_at": report["updated"],
        "place": report["place"],
        "magnitude": report["mag"],
        "magnitude_type": report["magType"],
        "network": report["net"],
        "kind": report["type"],
        "latitude": latitude,
        "longitude": longitude,
        "depth": depth,
        "felt": report["felt"],
        "tsunami": bool(report["tsunami"]),
        "status": report["status"],
        "url": report["url"],
    }
    return {name: value for name, value in item.items() if value is not None}
