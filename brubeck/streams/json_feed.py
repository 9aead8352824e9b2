"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/): a page of a feed, with the way on.

What the format has no member for, the page before and the total, is in an extension, ``_paging``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from brubeck.streams.feeds import Feed, FeedItem

MEDIA_TYPE: Final = "application/feed+json"
VERSION: Final = "https://jsonfeed.org/version/1.1"


def render(feed: Feed) -> bytes:
    """Return a feed as JSON Feed."""
    members: dict[str, object] = {
        "version": VERSION,
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.here,
    }
    if feed.next is not None:
        members["next_url"] = feed.next
    paging: dict[str, object] = {}
    if feed.previous is not None:
        paging["previous_url"] = feed.previous
    if feed.total is not None:
        paging |= {"total": feed.total.total, "total_exact": feed.total.exact}
    if paging:
        members["_paging"] = paging
    members["items"] = [_item(each) for each in feed.items]
    return msgspec.json.encode(members)


def _item(item: FeedItem) -> dict[str, object]:
    entry = item.entry
    members: dict[str, object] = {
        "id": item.id,
        "url": item.url,
        "title": entry.title,
        "content_text": entry.text or entry.title,
        "date_published": item.published,
        "date_modified": item.updated,
    }
    if entry.author:
        members["authors"] = [{"name": entry.author}]
    return members
