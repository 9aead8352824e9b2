"""Feeds: pages of the timeline as news readers want them, in Atom and in JSON Feed.

What both formats say is worked out here once: absolute URLs, moments, and for each item an entry,
which a stream's class may make itself (`StreamHandler.feed_entry`). An entry is made of the fields
that the caller sees and of nothing else, so a feed cannot reveal more than the page does.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID, uuid5

import msgspec

from brubeck import green
from brubeck.http import Problem, Request
from brubeck.storage import Count, Record
from brubeck.streams.context import Context
from brubeck.streams.entries import FeedEntry
from brubeck.streams.pages import PagePlan, PageView
from brubeck.streams.projection import members
from brubeck.timekeeping import EARLIEST, LATEST, millis_to_rfc3339

_FEEDS: Final = UUID("0b1f6a1e-6f0c-5a55-9d0e-2c0c6f1d8a34")
"""The namespace of the ids of feeds; another one would change all of them."""
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


class FeedItem(msgspec.Struct, frozen=True):
    """An entry in its place: its id, its URL, and its moments as RFC 3339."""

    id: str
    url: str
    published: str
    updated: str
    entry: FeedEntry


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A page as both formats have it; every URL is absolute.

    URLs begin with the host that the caller used; ids do not, since a reader takes an item with
    another id for another item.
    """

    id: str
    title: str
    home: str
    first: str
    here: str
    next: str | None
    previous: str | None
    updated: str
    total: Count | None
    items: list[FeedItem]


def make_feed(context: Context, view: PageView) -> Feed:
    """Return a page as a feed."""
    plan = view.plan
    origin = origin_of(context.request)
    home = f"{origin}{context.base}"
    items = [_item(context, plan, home, record) for record in green.fairly(view.records)]
    last = view.page.follow(plan.query.viewer) // 1000
    return Feed(
        id=_urn(plan.walk.identity),
        title=context.spec.title or context.base,
        home=home,
        first=f"{origin}{plan.first}",
        here=f"{origin}{plan.here}",
        next=_absolute(origin, view.links.next),
        previous=_absolute(origin, view.links.previous),
        updated=max((item.updated for item in items), default=_moment(last, 0)),
        total=view.total,
        items=items,
    )


def _urn(name: str) -> str:
    """Return the id of a feed or an item, which stays the same under every host (RFC 9562, 5.5)."""
    return uuid5(_FEEDS, name).urn


def origin_of(request: Request) -> str:
    """Return the scheme and host that a caller sees, as its absolute URLs begin."""
    host = request.host
    if not _HOST.fullmatch(host):
        raise Problem(400, "This format has absolute URLs, and the Host header names no host.")
    return f"{request.scheme}://{host}"


def _item(context: Context, plan: PagePlan, home: str, record: Record) -> FeedItem:
    # Of a large item no more is decoded than has to be.
    updated = members(record.body).get("updated_at")
    shown = msgspec.json.decode(plan.walk.projection(record.body))
    return FeedItem(
        _urn(f"{context.base}/{record.id}?created_at={record.created_at}"),
        f"{home}/{record.id}",
        _moment(record.created_at, 0),
        _moment(updated and msgspec.json.decode(updated), record.created_at),
        context.hooks.feed_entry(context, shown),
    )


def _moment(millis: object, default: int) -> str:
    good = isinstance(millis, int) and EARLIEST <= millis <= LATEST
    return millis_to_rfc3339(millis if good else default)  # type: ignore[arg-type]


def _absolute(origin: str, link: str | None) -> str | None:
    return None if link is None else f"{origin}{link}"
