"""GeoJSON (RFC 7946): the items of a stream with a geometry, as features.

An item without a position, or with one that is nowhere on earth, is a feature without a geometry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from brubeck.http import Problem
from brubeck.streams.context import Context
from brubeck.streams.feeds import origin_of
from brubeck.streams.geometry import Geometry
from brubeck.streams.pages import PageView
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


class FeaturePage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of features: its members before them, and each of them as the JSON it is."""

    links: list[dict[str, str]]
    numberReturned: int  # noqa: N815, the name of OGC API Features
    features: list[msgspec.Raw]
    numberMatched: int | None = None  # noqa: N815

    def encode(self) -> bytes:
        """Return the page as a ``FeatureCollection``."""
        head: dict[str, object] = {"type": "FeatureCollection", "links": self.links}
        head["numberReturned"] = self.numberReturned
        if self.numberMatched is not None:
            head["numberMatched"] = self.numberMatched
        features = b",\n".join(map(bytes, self.features))
        return b'%b,"features":[\n%b]}\n' % (msgspec.json.encode(head)[:-1], features)


def page(context: Context, view: PageView) -> bytes:
    """Return a page of the timeline as a ``FeatureCollection``; its links are whole URLs."""
    geometry = context.spec.geometry
    if geometry is None:
        raise Problem(406, "The items of this stream have no coordinates.")
    origin = origin_of(context.request)
    named = {"self": view.plan.here, "next": view.links.next, "prev": view.links.previous}
    links = [link(rel, f"{origin}{at}") for rel, at in named.items() if at is not None]
    bodies = [record.body for record in view.records]
    made = [msgspec.Raw(each) for each in features(bodies, geometry, view.plan.walk.projection)]
    total = view.total.total if view.total is not None and view.total.exact else None
    return FeaturePage(links, len(made), made, total).encode()


def link(rel: str, href: str, media_type: str = MEDIA_TYPE) -> dict[str, str]:
    """Return a link as a member of a JSON document."""
    return {"rel": rel, "type": media_type, "href": href}
