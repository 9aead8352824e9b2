"""The collection of a stream: its timeline by GET, in any of its shapes, new items by POST."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Final, cast

import msgspec

from brubeck import green
from brubeck.explorer.form_posts import is_form_post, post_form
from brubeck.explorer.links import tidied
from brubeck.explorer.remembered_columns import remember
from brubeck.http import Problem, Response
from brubeck.http.conditions import matches
from brubeck.http.forms import parse_urlencoded
from brubeck.http.response import Twin
from brubeck.storage import Count, Page
from brubeck.streams import atom, csv_rows, exports, geojson, imports, json_feed
from brubeck.streams.cursors import url
from brubeck.streams.negotiation import negotiate, require_type
from brubeck.streams.pages import (
    MadePage,
    PagePlan,
    PageView,
    Paging,
    Walk,
    history,
    link_header,
    linked_headers,
    page_tag,
    shaped_tag,
)
from brubeck.streams.parameters import Pairs, no_parameters
from brubeck.streams.projection import json_bytes, json_list
from brubeck.streams.representations import FEATURES, REPRESENTATIONS, Representation
from brubeck.streams.resource import Resource
from brubeck.streams.spec import JSON
from brubeck.streams.writing import Drafts, Result, Writer

__all__ = ["Collection", "Representation"]

COUNT_BOUND = 10_000
"""How many items an exact total counts at the most."""

PLANS = 500
"""How many query strings a stream remembers the meaning of."""
PLAN_LENGTH = 1000
"""How long such a query string may be."""
KEPT_BYTES = 32_768
"""The maximal size of a page that is cached for the next request, while nothing changes."""

COMMAS = 200_000
"""Past so many commas a list is read by a decoder with a bound: small members take much memory."""

SHAPES: Final = {
    "json": JSON,
    "csv": csv_rows.MEDIA_TYPE,
    "ndjson": exports.NDJSON,
    "geojson": geojson.MEDIA_TYPE,
    "atom": atom.MEDIA_TYPE,
    "feed.json": json_feed.MEDIA_TYPE,
}
"""The media types by the ends of the URLs that stand for them."""

_STARTED: Final = re.compile(r"(?:(.*)&)?(before|after)=(-?[0-9]{1,15}~[A-Za-z0-9._:\-]{1,128})")
"""The query string of a page as links have it: with its start at the end, and nothing escaped."""
_READ_ONLY: Final = {"Allow": "GET, HEAD, OPTIONS"}
_JSON_ALONE = (None, "*/*", JSON)
_ABSENT = msgspec.Raw()
_raw_list: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class Collection(Resource):
    """``/quakes``: the timeline, page by page or whole."""

    representations: ClassVar[Mapping[str, Representation]] = REPRESENTATIONS
    """The formats of a page beside JSON, by media type."""
    shape = ""
    """The end of the URL that stands for a media type, such as ``csv``; see `SHAPES`."""

    def _answer(self) -> Response:
        if self._url_args:
            self.shape = cast("dict[str, str]", self._url_args).pop("shape", "")
        return super()._answer()

    def get(self) -> Response:
        """Return a page of the timeline, or all of it in another shape."""
        if self.shape:
            chosen = SHAPES[self.shape]
            if chosen != JSON:
                return self._otherwise(chosen)
            return self._page()
        # Nearly everybody asks for JSON: that takes no look at what else there is.
        if self.message.header("accept") not in _JSON_ALONE:
            chosen = negotiate(self.message, JSON, *self._formats, *exports.types_of(self.spec))
            if chosen != JSON:
                return self._otherwise(chosen)
        return self._page()

    def _page(self) -> Response:
        plan = self._page_plan()
        origin = self._origin
        made = self._made(plan, origin)
        headers = made.headers_at(origin)
        if matches(self.message.header("if-none-match"), made.tag):
            return Response(b"", 304, headers=headers.copy())
        if headers is made.headers:
            headers = made.twin.headers
        else:
            headers = headers.having("Content-Type", JSON)
        response = Response(made.body, 200, headers=headers)
        response.twin = made.twin
        return response

    @property
    def _origin(self) -> str:
        """The origin of the URL that was requested; links in headers are whole URLs."""
        message = self.message
        host = message.host
        return f"{message.scheme}://{host}" if host else ""

    @property
    def _formats(self) -> list[str]:
        """The media types of a page beside JSON; without an explorer, there is none for people."""
        found = self.representations.items()
        return [kind for kind, each in found if self.spec.explorer or not each.for_people]

    def _otherwise(self, media_type: str) -> Response:
        """Return the timeline in another shape: a page of it, or all of it."""
        if media_type == geojson.MEDIA_TYPE and self._has_limit:
            representation = FEATURES
        elif media_type in exports.MEDIA_TYPES:
            return exports.export(self.context, media_type)
        elif media_type not in self.representations:
            raise Problem(406, f"There is no representation as {media_type}.")
        else:
            representation = self.representations[media_type]
        for_people = representation.for_people
        tidy = self._tidied() if for_people else None
        if tidy is not None:
            return self.answer(b"", 303, {"Location": url(self.context.base, tidy)})
        plan = self._page_plan()
        view = self._view(plan, self.context.records.page(plan.query), counted=for_people)
        # A page for people has forms for those who may write, so it is not for everybody; and a
        # renderer or a hook of the program may look at a header, or at the address.
        is_personal = self._may_be_personal(media_type)
        headers = (self.spec.headers if is_personal else self.spec.reading_headers).copy()
        # They may be in the URLs of the page.
        covered = f"{self._origin}{self.context.base}".encode()
        # It is rendered before it is compared where it may depend on the caller, or may be kept.
        is_made = self.spec.max_age > 0 or is_personal
        body = representation.render(self.context, view) if is_made else b""
        # The position for live updates moves while the page stays the same: with the time of day,
        # and with writes that this caller may not notice. The tag of JSON leaves it out, too.
        lasting = body.replace(plan.change_cursor(view.page).encode(), b"")
        digest = sha256(covered + lasting).hexdigest()[:16]
        tag = shaped_tag(shaped_tag(view.tag, digest), representation.suffix)
        headers["ETag"] = tag
        if link := link_header(view.links, self._origin):
            headers["Link"] = link
        if matches(self.message.header("if-none-match"), tag):
            return Response(b"", 304, headers=headers)
        body = body or representation.render(self.context, view)
        return Response(body, 200, headers=representation.headers(self.context, headers))

    def _may_be_personal(self, media_type: str) -> bool:
        """Whether more than the items makes a page: a form, a renderer of the program, its hook."""
        known = REPRESENTATIONS.get(media_type, FEATURES)
        found = self.representations.get(media_type, FEATURES)
        return found.for_people or found is not known or "feed_entry" in self.spec.overridden

    @property
    def _has_limit(self) -> bool:
        """Whether the request names a size, and so asks for a page and not for all."""
        return any(name in ("limit", "count") for name, _ in self.message.query_pairs)

    def _tidied(self) -> list[tuple[str, str]] | None:
        """Return the parameters to redirect a form to; None where it needs no other URL."""
        wish = remember(self.context)
        return tidied(self.message.query_pairs) if wish is None else wish

    def _made(self, plan: PagePlan, origin: str) -> MadePage:
        """Return the page of a plan: the one that was made before, while nothing has changed."""
        known = plan.made
        if known is None:
            page = self.context.records.page(plan.query)
        else:
            found = self.context.records.page_unless(plan.query, known.head)
            if found is None:
                return known
            page = found
        made = self._make(plan, page, origin)
        # Most places of a timeline are asked for once; only what comes again is kept. Nothing is
        # for a viewer: the moment of a new page would reveal when others have written.
        again = plan.asked > 1 and plan.query.viewer is None
        plan.made = made if again and len(made.body) <= KEPT_BYTES else None
        return made

    def _page_plan(self) -> PagePlan:
        """Return the plan of the query string's page, from a cache of at most `PLANS` plans."""
        context, query = self.context, self.message.query
        plans, base = context.stream.page_plans, context.base
        shape = f".{self.shape}" if self.shape else ""
        key = (query, base, context.viewer, shape)
        plan = plans.get(key)
        if plan is None:
            plan = self._new_plan(query, base, shape)
            if len(plans) >= PLANS:
                plans.clear()
            if len(query) <= PLAN_LENGTH:
                plans[key] = plan
        plan.asked += 1
        if plan.query.where:
            green.take_turn()  # many may search at once, each among thousands of items
        return plan

    def _new_plan(self, query: str, base: str, shape: str) -> PagePlan:
        """Return the plan of a query string: where it can be, of the walk's next page."""
        context = self.context
        started = None if len(query) > PLAN_LENGTH else _STARTED.fullmatch(query)
        if started is not None:
            walk, parameter, cursor = started.groups(default="")
            key = (walk, base, context.viewer, shape)
            first = context.stream.page_plans.get(key)
            if first is None:
                first = self._walk(parse_urlencoded(walk), base, shape).plan()
                context.stream.page_plans[key] = first
            if not first.walk.has_start:
                return first.walk.starting(parameter, cursor)
        return self._walk(self.message.query_pairs, base, shape).plan()

    def _walk(self, pairs: Pairs, base: str, shape: str) -> Walk:
        spec = self.spec
        return Walk(pairs, spec.parameters, base, spec.hidden, self.context.viewer, shape)

    def _view(self, plan: PagePlan, page: Page, *, counted: bool = False) -> PageView:
        records = plan.shown(page)
        found = plan.links(page)
        total = self._total(plan) if counted or plan.parameters.total else None
        past = history(page.head, plan.query.viewer, self.spec.retention.deletions)
        return PageView(
            plan, page, records, found, total, page_tag(records, found, total, past, plan.walk.view)
        )

    def _make(self, plan: PagePlan, page: Page, origin: str) -> MadePage:
        view = self._view(plan, page)
        found, total = view.links, view.total
        paging = Paging(
            plan.parameters.limit,
            found.next,
            found.previous,
            plan.changes(page),
            found.cursor,
            found.next is not None,
        )
        if total is not None:
            paging.total, paging.total_exact = total.total, total.exact
        body = b'{"data":[%b],"paging":%b}' % (b",".join(view.bodies), json_bytes(paging))
        headers = linked_headers(self.spec.reading_headers, view, origin)
        twin = Twin(body, headers.having("Content-Type", JSON))
        return MadePage(page.head, view.tag, found, origin, headers, body, twin)

    def _total(self, plan: PagePlan) -> Count:
        green.take_turn()
        whole = msgspec.structs.replace(plan.query, start=None, limit=COUNT_BOUND)
        return self.context.records.count(whole)

    def post(self) -> Response:
        """Create one item, each of a list by itself, or each of many lines."""
        if self.shape:
            raise Problem(405, "Items are created at the stream's own URL.", headers=_READ_ONLY)
        if self._is_import:
            return imports.import_lines(self._writer)
        if is_form_post(self.message, self.spec):
            return post_form(self._writer)
        negotiate(self.message, JSON)
        no_parameters(self.message.query_pairs)
        require_type(self.message, JSON, imports.MEDIA_TYPE)
        body = self.message.body
        drafts = Drafts(self._writer)
        if body.lstrip()[:1] != b"[":
            drafts.add(body)
            (result,) = drafts.write()
            return self._created(result)
        for each in green.fairly(json_members(body, self.spec.max_batch, "items")):
            drafts.add(bytes(each))
        results = drafts.write()
        status = 201 if all(result.status == 201 for result in results) else 207
        return self.answer(b'{"data":%b}' % json_list(each.json() for each in results), status)

    @property
    def _writer(self) -> Writer:
        return Writer(self.context, self.access)

    @property
    def _is_import(self) -> bool:
        return self.message.content_type == imports.MEDIA_TYPE

    def _answer_once(self, key: str) -> Response:
        if self._is_import:
            # Its answer is not kept: it may be as long as the import itself.
            detail = (
                "An Idempotency-Key is not for imports: give each item an id of its own, "
                "and one that comes again is a 409."
            )
            raise Problem(400, detail)
        return super()._answer_once(key)

    def _created(self, result: Result) -> Response:
        if result.problem is not None:
            raise result.problem
        location = f"{self.context.base}/{result.id}"
        body = b'{"data":%b}' % result.body
        headers = {"Location": location, "ETag": f'"{result.position}"'}
        return self.answer(body, 201, headers)


def json_members(body: bytes, most: int, noun: str) -> list[msgspec.Raw]:
    """Return the members of a JSON list, none of them decoded; ``noun`` names them in errors.

    Raises a `Problem`: 413 for more than ``most`` of them, none of which is looked at beyond that;
    400 for what is not JSON, 422 for an empty list.
    """
    try:
        if body.count(b",") > COMMAS:
            # A list of millions of members would take far more memory than its text.
            read = msgspec.structs.astuple(_bounded_list(most).decode(body))
            members = [member for member in read if member is not _ABSENT]
        else:
            members = _raw_list.decode(body)
    except msgspec.ValidationError:  # the one rule of the bounded list
        raise _too_many(most, noun) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
        raise Problem(400, f"The body is not JSON: {reason}.") from reason
    if not members:
        raise Problem(422, "The list is empty.")
    if len(members) > most:
        raise _too_many(most, noun)
    return members


@lru_cache(maxsize=16)
def _bounded_list(most: int) -> msgspec.json.Decoder[Any]:
    """Return a decoder of lists that stops at the first member past so many."""
    fields = [(f"member{number}", msgspec.Raw, _ABSENT) for number in range(most)]
    bounded = msgspec.defstruct("_List", fields, array_like=True, forbid_unknown_fields=True)
    return msgspec.json.Decoder(bounded)


def _too_many(most: int, noun: str) -> Problem:
    return Problem(413, f"A list may contain at most {most} {noun}.")
