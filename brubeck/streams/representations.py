"""Representations of a page of the timeline beside JSON, by their media types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from brubeck.explorer import rendering, stream_page
from brubeck.http import Headers
from brubeck.streams import atom, geojson, json_feed
from brubeck.streams.context import Context
from brubeck.streams.feeds import Feed, make_feed
from brubeck.streams.pages import PageView


class Representation(msgspec.Struct, frozen=True):
    """A format of a page.

    ``suffix`` ends its entity tag, ``render`` returns its body, ``content_type`` is the header.
    ``complete`` adds further headers. One ``for_people`` has a total without being asked, and its
    entity tag covers all of the body; a request with empty parameters, as forms send them, is
    redirected to the URL without them.
    """

    suffix: str
    render: Callable[[Context, PageView], bytes]
    content_type: str
    complete: Callable[[Context, Headers], Headers] | None = None
    for_people: bool = False

    def headers(self, context: Context, headers: Headers) -> Headers:
        """Return the headers of an answer, completed by those of the format."""
        headers["Content-Type"] = self.content_type
        return headers if self.complete is None else self.complete(context, headers)


def _feed(media_type: str, suffix: str, render: Callable[[Feed], bytes]) -> Representation:
    return Representation(
        suffix, lambda context, view: render(make_feed(context, view)), media_type
    )


REPRESENTATIONS: Final[Mapping[str, Representation]] = {
    rendering.MEDIA_TYPE: Representation(
        "html", stream_page.page, rendering.CONTENT_TYPE, stream_page.headers_of, for_people=True
    ),
    atom.MEDIA_TYPE: _feed(atom.MEDIA_TYPE, "atom", atom.render),
    json_feed.MEDIA_TYPE: _feed(json_feed.MEDIA_TYPE, "feed", json_feed.render),
}

FEATURES: Final = Representation("geo", geojson.page, geojson.MEDIA_TYPE)
"""A page of a stream with a geometry as GeoJSON."""
