"""The shapes that a page of the timeline has beside JSON, by their media types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from brubeck.http import Headers
from brubeck.streams import atom, browsing, json_feed
from brubeck.streams.feeds import Feed, make_feed
from brubeck.streams.pages import PagePlan, PageView

if TYPE_CHECKING:
    from brubeck.streams.handler import StreamHandler

_Render = Callable[["StreamHandler", PagePlan, PageView], bytes]


class Rendering(NamedTuple):
    """How a page is shown in another shape.

    ``suffix`` is what its entity tag ends with, ``headers`` adds what the shape has of its own, and
    ``tidy`` says that empty parameters, as forms send them, are left out first.
    """

    suffix: str
    render: _Render
    headers: Callable[[Headers], Headers]
    tidy: bool = False


def _feed(media_type: str, suffix: str, render: Callable[[Feed], bytes]) -> Rendering:
    def rendered(handler: StreamHandler, plan: PagePlan, view: PageView) -> bytes:
        return render(make_feed(handler, plan, view))

    def headers_of(headers: Headers) -> Headers:
        headers["Content-Type"] = media_type
        return headers

    return Rendering(suffix, rendered, headers_of)


RENDERINGS: Final = {
    browsing.MEDIA_TYPE: Rendering("html", browsing.page, browsing.headers_of, tidy=True),
    atom.MEDIA_TYPE: _feed(atom.MEDIA_TYPE, "atom", atom.render),
    json_feed.MEDIA_TYPE: _feed(json_feed.MEDIA_TYPE, "feed", json_feed.render),
}
