"""The changes of a stream: one position for a look, a long poll and an open feed."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from brubeck.http import FeedResponse, Response
from brubeck.http.conditions import matches
from brubeck.storage import Changes
from brubeck.streams import sse
from brubeck.streams.cursors import RESET, ChangeCursor, parse_change_cursor, url
from brubeck.streams.following import element, feed, poll
from brubeck.streams.negotiation import negotiate
from brubeck.streams.parameters import ChangesParameters, changes_parameters
from brubeck.streams.projection import Projection, json_bytes, json_list, projection
from brubeck.streams.resource import Resource
from brubeck.streams.shared_caching import next_tick, reading_headers
from brubeck.streams.spec import JSON


class ChangeFeed(Resource):
    """``/quakes/changes``: the change order."""

    grows_stale = False  # what changed later stands later

    def get(self) -> Response:
        """Return changes after a place, or follow them."""
        chosen = negotiate(self.message, JSON, sse.MEDIA_TYPE)
        parameters = changes_parameters(self.message.query_pairs, self.spec.parameters)
        project = projection(parameters.fields, self.spec.hidden)
        if chosen == sse.MEDIA_TYPE:
            return self._feed(parameters, project)
        return self._page(poll(self.context, parameters), parameters, project)

    def _page(self, found: Changes, parameters: ChangesParameters, project: Projection) -> Response:
        cursor = str(ChangeCursor(found.position, found.era, found.began))
        max_age, is_empty = self.spec.max_age, not found.changes
        following = [("after", cursor)]
        if is_empty and max_age:
            tick = next_tick(self.context.stream.clock.micros(), max_age, parameters.tick)
            following.append(("tick", str(tick)))
        paging = {
            "position": found.position,
            "caught_up": found.caught_up,
            "next": self._next_link(following),
            "cursor": cursor,
            "has_more": not found.caught_up,
        }
        data = json_list(element(change, project) for change in found.changes)
        body = b'{"data":%b,"paging":%b}' % (data, json_bytes(paging))
        if parameters.now:
            return self.answer(body)
        if is_empty:
            headers = reading_headers(self.spec.headers, max_age, stale=False)
            return self.answer(body, headers=headers)
        tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
        if matches(self.message.header("if-none-match"), tag):
            return self.reading_answer(b"", 304, {"ETag": tag})
        return self.reading_answer(body, headers={"ETag": tag})

    def _next_link(self, following: list[tuple[str, str]]) -> str:
        kept = {"limit", "count", "fields", *self.spec.parameters.filters}
        pairs = [pair for pair in self.message.query_pairs if pair[0] in kept]
        return url(f"{self.context.base}/changes", [*pairs, *following])

    def _feed(self, parameters: ChangesParameters, project: Projection) -> Response:
        last = self.message.header("last-event-id")
        if last == RESET:
            # The reader got the reset for a lost place, and came back all the same: 204 is the
            # one status that makes a browser stop.
            return self.answer(b"", 204)
        if last:
            parameters = _from(parameters, last)
        headers = self.spec.headers.copy()
        headers["Content-Type"] = sse.MEDIA_TYPE
        headers["Cache-Control"] = "no-store, no-transform"  # compressing would hold events back
        headers["X-Accel-Buffering"] = "no"
        return FeedResponse(feed(self.context, parameters, project), headers=headers)


def _from(parameters: ChangesParameters, event_id: str) -> ChangesParameters:
    """Return the parameters with the place of ``Last-Event-ID``, which wins over ``after``."""
    try:
        after = parse_change_cursor(event_id)
    except ValueError:
        # Not one of ours: no era is called so, and the feed will say that the place is lost.
        after = ChangeCursor(0, "-")
    return msgspec.structs.replace(parameters, after=after, now=False)
