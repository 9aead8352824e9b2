"""Feeds: pages of the timeline as news readers want them, in Atom and in JSON Feed.

What both formats say is worked out here once: absolute URLs, moments, and for each item an entry,
which a stream's class may word itself (`StreamHandler.feed_entry`). An entry is made of what the
caller is shown and of nothing else, so a feed cannot tell more than the page does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import msgspec

from brubeck.http import Problem, Request
from brubeck.storage import Count, Record
from brubeck.streams.pages import PagePlan, PageView
from brubeck.timekeeping import EARLIEST, LATEST, millis_to_rfc3339

if TYPE_CHECKING:
    from brubeck.streams.handler import StreamHandler

TITLES: Final = ("title", "name", "subject", "headline", "summary", "text")
"""The fields that an item is called by, if it has one of them."""
LONGEST_TITLE: Final = 120

_APART: Final = frozenset(("id", "created_at", "updated_at", "owner_id", "owner_username"))
_FEEDS: Final = UUID("0b1f6a1e-6f0c-5a55-9d0e-2c0c6f1d8a34")
"""The namespace of the ids of feeds; another one would change all of them."""
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


class FeedEntry(msgspec.Struct, frozen=True):
    """A feed's entry of one item: plain texts, of which any may be empty but the title."""

    title: str
    text: str = ""
    author: str = ""


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


def make_feed(handler: StreamHandler, plan: PagePlan, view: PageView) -> Feed:
    """Return a page as a feed."""
    origin = origin_of(handler.message)
    home = f"{origin}{handler.base}"
    items = [_item(handler, plan, home, record) for record in view.records]
    last = view.page.follow(plan.query.viewer) // 1000
    return Feed(
        id=_urn(plan.first),
        title=handler.feed_title or handler.base,
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
        raise Problem(400, "The URLs of a feed are absolute, and the Host header names no host.")
    return f"{request.scheme}://{host}"


def default_entry(item: Mapping[str, Any]) -> FeedEntry:
    """Return an entry for an item of which nothing more is known.

    >>> default_entry({'id': 'ci1', 'created_at': 7, 'place': 'Ely', 'magnitude': 4.5})
    FeedEntry(title='Ely', text='magnitude: 4.5', author='')
    """
    named = _title_field(item)
    title = " ".join(str(item[named]).split()) if named else str(item.get("id", ""))
    if len(title) > LONGEST_TITLE:
        title, named = f"{title[: LONGEST_TITLE - 1]}…", ""
    rest = {name: value for name, value in item.items() if name not in _APART and name != named}
    text = "\n".join(f"{name}: {plain(value)}" for name, value in rest.items() if value is not None)
    return FeedEntry(title, text, plain(item.get("owner_username")))


def plain(value: object) -> str:
    """Return any value of an item as text: a text as it is, nothing as nothing, the rest as JSON.

    >>> plain('x'), plain(None), plain([1.5, True])
    ('x', '', '[1.5,true]')
    """
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


def _title_field(item: Mapping[str, Any]) -> str:
    """Return the name of the field with an entry's title; empty where there is none."""
    for name in (*TITLES, *item):
        value = item.get(name)
        if name not in _APART and isinstance(value, str) and value.strip():
            return name
    return ""


def _item(handler: StreamHandler, plan: PagePlan, home: str, record: Record) -> FeedItem:
    stored = msgspec.json.decode(record.body)
    shown = msgspec.json.decode(plan.shape(record.body))
    return FeedItem(
        _urn(f"{handler.base}/{record.id}?created_at={record.created_at}"),
        f"{home}/{record.id}",
        _moment(record.created_at, 0),
        _moment(stored.get("updated_at"), record.created_at),
        handler.feed_entry(shown),
    )


def _moment(millis: object, default: int) -> str:
    good = isinstance(millis, int) and EARLIEST <= millis <= LATEST
    return millis_to_rfc3339(millis if good else default)  # type: ignore[arg-type]


def _absolute(origin: str, link: str | None) -> str | None:
    return None if link is None else f"{origin}{link}"
