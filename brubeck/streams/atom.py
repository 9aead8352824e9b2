"""Atom (RFC 4287): a page of a feed, with its neighbours (RFC 5005, section 3).

Rules:

- What XML 1.0 cannot hold (section 2.2) becomes U+FFFD, and everything else comes out as it was.
- A page has the feed's ``id``, which all pages share, and a ``self`` of its own.
- A feed without an author has to have its stream's name for one (RFC 4287, section 4.1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from brubeck import green
from brubeck.streams.feeds import Feed, FeedItem

MEDIA_TYPE: Final = "application/atom+xml"

_ATOM: Final = "http://www.w3.org/2005/Atom"
_OPEN_SEARCH: Final = "http://a9.com/-/spec/opensearch/1.1/"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SLICE: Final = 16_384
"""How many characters are escaped before other requests may be served."""
_ESCAPED: Final = {
    "&": "&amp;",  # first: the other references have one
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
    "\r": "&#13;",
}


def escape(text: str) -> str:
    r"""Return a text as it may stand in an element or an attribute.

    >>> escape('a < b\x00 ]]> "c"')
    'a &lt; b\ufffd ]]&gt; &quot;c&quot;'
    """
    if len(text) > _SLICE:
        starts = green.fairly(range(0, len(text), _SLICE))
        return "".join([escape(text[start : start + _SLICE]) for start in starts])
    for sign, reference in _ESCAPED.items():
        text = text.replace(sign, reference)
    return _NOT_XML.sub("\ufffd", text)


def render(feed: Feed) -> bytes:
    """Return a feed as Atom."""
    return "\n".join(_feed(feed)).encode()


def _feed(feed: Feed) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<feed xmlns="{_ATOM}" xmlns:os="{_OPEN_SEARCH}">'
    yield _element("id", feed.id)
    yield _element("title", feed.title)
    yield _element("updated", feed.updated)
    yield f"<author>{_element('name', feed.title)}</author>"
    yield _link("alternate", feed.home)
    named = (
        ("self", feed.here),
        ("first", feed.first),
        ("next", feed.next),
        ("previous", feed.previous),
    )
    for rel, target in named:
        if target is not None:
            yield _link(rel, target)
    yield _element("generator", "Brubeck")
    if feed.total is not None:
        yield _element("os:totalResults", str(feed.total.total))
    for item in feed.items:
        yield from _entry(item)
    yield "</feed>\n"


def _entry(item: FeedItem) -> Iterator[str]:
    entry = item.entry
    yield "<entry>"
    yield _element("id", item.id)
    yield _element("title", entry.title)
    yield _element("published", item.published)
    yield _element("updated", item.updated)
    if entry.author:
        yield f"<author>{_element('name', entry.author)}</author>"
    yield _link("alternate", item.url)
    yield _element("content", entry.text or entry.title)
    yield "</entry>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _link(rel: str, target: str) -> str:
    return f'<link rel="{rel}" href="{escape(target)}"/>'
