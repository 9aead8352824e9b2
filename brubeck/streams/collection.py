"""The collection of a stream: its pages by GET, new items by POST."""

from __future__ import annotations

import msgspec

from brubeck.http import Problem, Response
from brubeck.http.conditions import matches
from brubeck.storage import Count
from brubeck.streams.cursors import ChangeCursor, url
from brubeck.streams.handler import JSON, StreamHandler, json_bytes
from brubeck.streams.pages import Links, page_query, page_tag, shown
from brubeck.streams.pages import links as page_links
from brubeck.streams.parameters import PageParameters, no_parameters, page_parameters
from brubeck.streams.shapes import json_list, shape
from brubeck.streams.writing import Drafts, Result

COUNT_BOUND = 10_000
"""How many items an exact total counts at the most."""

_KEPT_BY_PAGES = frozenset(("limit", "count", "order", "since", "until", "fields"))
_raw_list: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class Collection(StreamHandler):
    """``/quakes``: the timeline, page by page."""

    def get(self) -> Response:
        """Return a page of the timeline."""
        self.negotiate(JSON)
        parameters = page_parameters(self.message.query_pairs, self.declared)
        query = page_query(parameters)
        page = self.queryset.page(query)
        records = shown(page, query, parameters)
        found = page_links(page, query, parameters, self._page_link)
        total = self._total(parameters)
        view = f"{parameters.limit} {parameters.fields}"
        tag = page_tag(records, found, total, view)
        headers = {"ETag": tag}
        if link := _link_header(found):
            headers["Link"] = link
        if matches(self.message.headers.get("if-none-match"), tag):
            return self.answer(b"", 304, headers)
        cut = shape(parameters.fields, self.hidden)
        paging = {
            "limit": parameters.limit,
            "next": found.next,
            "previous": found.previous,
            "changes": self._changes_link(str(ChangeCursor(page.head.position, page.head.era))),
        }
        if total is not None:
            paging |= {"total": total.total, "total_exact": total.exact}
        data = json_list(cut(record.body) for record in records)
        return self.answer(b'{"data":%b,"paging":%b}' % (data, json_bytes(paging)), 200, headers)

    def _total(self, parameters: PageParameters) -> Count | None:
        if not parameters.total:
            return None
        return self.queryset.count(
            since=parameters.since,
            until=parameters.until,
            where=parameters.where,
            bound=COUNT_BOUND,
        )

    def _page_link(self, name: str, cursor: str) -> str:
        kept = _KEPT_BY_PAGES | self.declared.filters.keys()
        pairs = [pair for pair in self.message.query_pairs if pair[0] in kept]
        return url(self.path, [*pairs, (name, cursor)])

    def _changes_link(self, cursor: str) -> str:
        kept = {"fields", *self.declared.filters}
        pairs = [pair for pair in self.message.query_pairs if pair[0] in kept]
        return url(f"{self.path}/changes", [*pairs, ("after", cursor)])

    def post(self) -> Response:
        """Create one item, or each of a list by itself."""
        self.negotiate(JSON)
        no_parameters(self.message.query_pairs)
        self.require_type(JSON)
        body = self.message.body
        drafts = Drafts(self)
        if body.lstrip()[:1] != b"[":
            drafts.add(body)
            (result,) = drafts.write()
            return self._created(result)
        for each in self._batch(body):
            drafts.add(bytes(each))
        results = drafts.write()
        status = 201 if all(result.status == 201 for result in results) else 207
        return self.answer(b'{"data":%b}' % json_list(each.json() for each in results), status)

    def _batch(self, body: bytes) -> list[msgspec.Raw]:
        try:
            batch = _raw_list.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
            raise Problem(400, f"The body is not JSON: {reason}.") from reason
        if not batch:
            raise Problem(422, "The list is empty.")
        if len(batch) > self.max_batch:
            detail = f"A list brings at most {self.max_batch} items; this one has {len(batch)}."
            raise Problem(413, detail)
        return batch

    def _created(self, result: Result) -> Response:
        if result.problem is not None:
            raise result.problem
        location = f"{self.path}/{result.id}"
        body = b'{"data":%b}' % result.body
        headers = {"Location": location, "ETag": f'"{result.position}"'}
        return self.answer(body, 201, headers)


def _link_header(found: Links) -> str:
    named = (("next", found.next), ("prev", found.previous))
    return ", ".join(f'<{at}>; rel="{rel}"' for rel, at in named if at is not None)
