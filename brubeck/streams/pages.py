"""Pages of the timeline: from parameters to a step, and from its result to links and a tag.

A page starts at an exclusive cursor and holds the items nearest to it on one side. ``order`` is
the order of its items and the direction of ``next``, so the walk's *far* end is ``next`` when the
page walked that way and ``previous`` when it walked against it. A link is left out only when it is
certain that nothing lies there: beyond the far end because the storage says so, before the near
one because the walk started at the very edge.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from brubeck.http import Headers
from brubeck.http.response import Twin
from brubeck.storage import Count, Head, Page, PageQuery, Record, TimelineCursor
from brubeck.streams.cursors import format_timeline_cursor, url
from brubeck.streams.parameters import (
    Declared,
    PageParameters,
    Pairs,
    page_parameters,
    page_start,
)
from brubeck.streams.projection import projection, whole
from brubeck.timekeeping import EARLIEST, LATEST

_KEPT_BY_PAGES: Final = frozenset(("limit", "count", "order", "since", "until", "fields"))


class Links(msgspec.Struct, frozen=True):
    """Where a page's neighbours are; None where there certainly are none.

    ``cursor`` is that of the next page alone, for tools that build URLs of their own.
    """

    next: str | None
    previous: str | None
    cursor: str | None


class Paging(msgspec.Struct):
    """The member ``paging`` of a page in JSON: where its neighbours and its changes are."""

    limit: int
    next: str | None
    previous: str | None
    changes: str
    cursor: str | None
    has_more: bool
    total: int | msgspec.UnsetType = msgspec.UNSET
    total_exact: bool | msgspec.UnsetType = msgspec.UNSET


class PageView(msgspec.Struct, frozen=True):
    """The content of a page, in any format: its records in order, links, total and entity tag."""

    plan: PagePlan
    page: Page
    records: list[Record]
    links: Links
    total: Count | None
    tag: str

    @property
    def bodies(self) -> Iterable[bytes]:
        """The JSON of each item, in order, with the fields that the caller sees."""
        bodies = map(_body, self.records)
        project = self.plan.walk.projection
        return bodies if project is whole else map(project, bodies)


class MadePage(msgspec.Struct, frozen=True):
    """A page that was made when the stream's head was there: its tag, links, headers and body.

    The headers lack the type of the body, which an answer without one does not have. Their links
    are URLs of ``origin``.

    A page is a function of its query and of the stream, and every write moves the head. So as long
    as the head is where it was, it is the page that would be made again.
    """

    head: Head
    tag: str
    links: Links
    origin: str
    headers: Headers
    body: bytes
    twin: Twin

    def headers_at(self, origin: str) -> Headers:
        """Return the headers for a reader that has reached the program at an origin."""
        if origin == self.origin or "Link" not in self.headers:
            return self.headers
        return self.headers.having("Link", link_header(self.links, origin))


class Walk:
    """A walk of the timeline by its query string: everything of it but where a page starts.

    A link to a page differs from that to the next one in its start alone. So what is the same is
    computed once, for all the pages of a walk.
    """

    def __init__(
        self,
        pairs: Pairs,
        declared: Declared,
        path: str,
        hidden: frozenset[str],
        viewer: str | None = None,
        shape: str = "",
    ) -> None:
        self.parameters = parameters = page_parameters(pairs, declared)
        self.projection = projection(parameters.fields, hidden)
        self.view = f"{parameters.limit} {parameters.fields}"
        self.viewer = viewer
        self.path, self.pairs = path + shape, pairs
        kept = _KEPT_BY_PAGES | declared.filters.keys()
        self.link = _stem(self.path, pairs, kept)
        """The link to a page of the walk, up to its start."""
        self.identity = (_stem(path, pairs, kept) if shape else self.link)[:-1]
        """The link to the first page, whichever shape it has."""
        self.changes = _stem(f"{path}/changes", pairs, {"fields", *declared.filters})
        """The link to the changes after a page, up to its position."""

    @property
    def has_start(self) -> bool:
        """Whether the query string itself has a start, and so stands for a single page."""
        return (self.parameters.before or self.parameters.after) is not None

    def plan(self) -> PagePlan:
        """Return the plan of the page that the query string asks for."""
        return PagePlan(self, self.pairs, self.parameters.before, self.parameters.after)

    def starting(self, parameter: str, cursor: str) -> PagePlan:
        """Return the plan of the page that starts at a cursor.

        ``parameter`` is ``before`` or ``after``, the last of the query string. Raises a `Problem`
        (400) for what is no cursor.
        """
        place = page_start(parameter, cursor)
        pairs = (*self.pairs, (parameter, cursor))
        if parameter == "before":
            return PagePlan(self, pairs, place, None)
        return PagePlan(self, pairs, None, place)


class PagePlan:
    """The plan of a page by its query string: computed once, for all requests with that string."""

    __slots__ = ("_against", "_pairs", "asked", "kept", "made", "query", "walk")

    def __init__(
        self,
        walk: Walk,
        pairs: Pairs,
        before: TimelineCursor | None,
        after: TimelineCursor | None,
    ) -> None:
        self.walk = walk
        self.asked = 0
        self.made: MadePage | None = None
        self.kept: object = None
        """What a representation caches for the next request with the plan."""
        self._pairs = pairs
        parameters = walk.parameters
        newest_first, start = parameters.order == "newest", before or after
        self.query = PageQuery(
            limit=parameters.limit,
            descending=newest_first if start is None else before is not None,
            start=start,
            since=parameters.since,
            until=parameters.until,
            where=parameters.where,
            viewer=walk.viewer,
        )
        self._against = self.query.descending != newest_first

    @property
    def parameters(self) -> PageParameters:
        """The parameters of the walk."""
        return self.walk.parameters

    def shown(self, page: Page) -> list[Record]:
        """Return a step's records in the order in which the page shows them."""
        return page.records[::-1] if self._against else page.records

    def links(self, page: Page) -> Links:
        """Return the links to a page's neighbours."""
        onward, back = ("before", "after") if self.query.descending else ("after", "before")
        far = near = further = nearer = None
        if page.stopped is not None:
            further = format_timeline_cursor(page.stopped)
            far = f"{self.walk.link}{onward}={further}"
        if self.query.start is not None:
            nearer = _turned(page, self.query, self.query.start)
            near = f"{self.walk.link}{back}={nearer}"
        return Links(near, far, nearer) if self._against else Links(far, near, further)

    @property
    def here(self) -> str:
        """The link to the page itself."""
        return url(self.walk.path, list(self._pairs))

    @property
    def first(self) -> str:
        """The link to the page with which the walk begins."""
        return self.walk.link[:-1]

    def changes(self, page: Page) -> str:
        """Return the link to the changes after a page."""
        return f"{self.walk.changes}after={self.change_cursor(page)}"

    def change_cursor(self, page: Page) -> str:
        """Return the position of the change feed at which a page was read."""
        return f"{page.follow(self.query.viewer)}~{page.head.era}"


def shaped_tag(tag: str, suffix: str) -> str:
    """Return the entity tag of another format of a tagged page.

    >>> shaped_tag('W/"abc"', 'atom')
    'W/"abc-atom"'
    """
    return f'{tag[:-1]}-{suffix}"'


def link_header(found: Links, origin: str) -> str:
    """Return the value of the ``Link`` header (RFC 8288); empty where there is nothing to say.

    The links are whole URLs: many clients follow them as they stand.
    """
    named = (("next", found.next), ("prev", found.previous))
    return ", ".join(f'<{origin}{at}>; rel="{rel}"' for rel, at in named if at is not None)


def linked_headers(base: Headers, view: PageView, origin: str) -> Headers:
    """Return the headers of a page: those of the stream, its tag and its links."""
    headers = base.having("ETag", view.tag)
    if link := link_header(view.links, origin):
        headers["Link"] = link
    return headers


def _stem(path: str, pairs: Pairs, kept: Collection[str]) -> str:
    """Return a link up to the parameter that is still to come."""
    chosen = [pair for pair in pairs if pair[0] in kept]
    if not chosen:
        return f"{path}?"
    link = url(path, chosen)
    return f"{link}&" if "?" in link else f"{link}?"


def _turned(page: Page, query: PageQuery, start: TimelineCursor) -> str:
    """Return the cursor from which a walk in the other direction sees all that lies behind."""
    if page.records:
        first = page.records[0]
        return format_timeline_cursor(TimelineCursor(first.created_at, first.id))
    # An empty page has no item to turn at. Its own start will not do: a cursor excludes its item,
    # and the item may well be there. The whole millisecond beyond it will.
    beyond = start.created_at + (-1 if query.descending else 1)
    return str(min(max(beyond, EARLIEST - 1), LATEST + 1))


def history(head: Head, viewer: str | None, keep_deletions: float) -> str:
    """Return the part of a page's tag that changes before a cursor of the page can be lost.

    That is the era and the horizon. A viewer may not learn when others' deletions were purged: its
    tags change with the clock, in the middle of the ``keep_deletions`` seconds that deletions are
    kept.
    """
    if viewer is None:
        return f"{head.era} {head.horizon}"
    return f"{head.era} {head.floor // int(max(keep_deletions, 2) * 500_000)}"


_position: Final = attrgetter("position")
_body: Final = attrgetter("body")


def page_tag(
    records: Sequence[Record], found: Links, total: object, history: str, view: str
) -> str:
    """Return the weak entity tag of a page: its items as shown, its links and its total.

    A position is given once in a stream and era, so it stands for the item's whole version. The
    history is in it, so that a reader of a lost cursor is not sent back to it by a 304.
    """
    positions = struct.pack(f"{len(records)}q", *map(_position, records))
    said = f"{found.next} {found.previous} {total} {history} {view}".encode()
    return f'W/"{hashlib.blake2b(positions + said, digest_size=12).hexdigest()}"'
