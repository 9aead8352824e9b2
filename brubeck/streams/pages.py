"""Pages of the timeline: from parameters to a step, and from what it found to links and a tag.

A page starts at an exclusive place and holds the items nearest to it on one side. ``order`` is how
it is shown and the way ``next`` goes, so the walk's *far* end is ``next`` when the page walked that
way and ``previous`` when it walked against it. A link is left out only when it is certain that
nothing lies there: beyond the far end because the storage says so, before the near one because the
walk began at the very edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from brubeck.storage import Page, PageQuery, Place, Record
from brubeck.streams.cursors import format_place
from brubeck.streams.parameters import PageParameters

Linked = Callable[[str, str], str]
"""Makes a link to another page from a parameter's name and value."""


class Links(msgspec.Struct, frozen=True):
    """Where a page's neighbours are; None where there certainly are none."""

    next: str | None
    previous: str | None


def page_query(parameters: PageParameters) -> PageQuery:
    """Return the step along the timeline that a page is."""
    start = parameters.before or parameters.after
    newest_first = parameters.order == "newest"
    return PageQuery(
        limit=parameters.limit,
        descending=newest_first if start is None else parameters.before is not None,
        start=start,
        since=parameters.since,
        until=parameters.until,
        where=parameters.where,
    )


def shown(page: Page, query: PageQuery, parameters: PageParameters) -> list[Record]:
    """Return a step's records in the order in which the page shows them."""
    against = query.descending != (parameters.order == "newest")
    return page.records[::-1] if against else page.records


def links(page: Page, query: PageQuery, parameters: PageParameters, link: Linked) -> Links:
    """Return the links to a page's neighbours."""
    onward, back = ("before", "after") if query.descending else ("after", "before")
    far = None if page.stopped is None else link(onward, format_place(page.stopped))
    near = None if query.start is None else link(back, _turned(page, query, query.start))
    along = query.descending == (parameters.order == "newest")
    return Links(next=far, previous=near) if along else Links(next=near, previous=far)


def _turned(page: Page, query: PageQuery, start: Place) -> str:
    """Return the cursor from which a walk in the other direction sees all that lies behind."""
    if page.records:
        first = page.records[0]
        return format_place(Place(first.created_at, first.id))
    # An empty page has no item to turn at. Its own start will not do: a cursor excludes its item,
    # and the item may well be there. The whole millisecond beyond it will.
    return str(start.created_at + (-1 if query.descending else 1))


def page_tag(records: Sequence[Record], found: Links, total: object, view: str) -> str:
    """Return the weak entity tag of a page: its items as shown, its links and its total."""
    digest = hashlib.blake2b(digest_size=12)
    for record in records:
        digest.update(b"%d %b," % (record.position, record.id.encode()))
    digest.update(f"{found.next} {found.previous} {total} {view}".encode())
    return f'W/"{digest.hexdigest()}"'
