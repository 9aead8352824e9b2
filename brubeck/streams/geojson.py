"""GeoJSON (RFC 7946): the items of a stream with a geometry, as features.

An item without a position, or with one that is nowhere on earth, is a feature without a geometry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from brubeck.streams.geometry import Geometry
from brubeck.streams.projection import Projection, members

MEDIA_TYPE: Final = "application/geo+json"
BEGIN: Final = b'{"type":"FeatureCollection","features":['
END: Final = b"\n]}\n"


def features(bodies: Sequence[bytes], fields: Geometry, project: Projection) -> Iterator[bytes]:
    """Yield the feature of each item; its properties are the members that the caller sees.

    >>> both = Geometry('', 'lon', 'lat')
    >>> list(features([b'{"id":"a","lat":1.5,"lon":2}'], both, lambda body: b'{"id":"a"}'))[0]
    b'{"type":"Feature","id":"a","geometry":{"type":"Point","coordinates":[2.0,1.5]},"properties":{"id":"a"}}'
    """
    for body in bodies:
        found = members(body)
        place = fields.coordinates(found)
        geometry = b"null"
        if place is not None:
            geometry = b'{"type":"Point","coordinates":%b}' % msgspec.json.encode(place)
        yield b'{"type":"Feature","id":%b,"geometry":%b,"properties":%b}' % (
            bytes(found["id"]),
            geometry,
            project(body),
        )
