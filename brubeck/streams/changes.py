"""The changes of a stream: one position for a look, a long poll and an open feed."""

from __future__ import annotations

import msgspec

from brubeck.http import Response, StreamingResponse
from brubeck.streams import sse
from brubeck.streams.cursors import RESET, ChangeCursor, parse_change_cursor, url
from brubeck.streams.following import element, feed, poll
from brubeck.streams.handler import JSON, StreamHandler, json_bytes
from brubeck.streams.parameters import ChangesParameters, changes_parameters
from brubeck.streams.shapes import Shape, json_list, shape


class ChangeFeed(StreamHandler):
    """``/quakes/changes``: the change order."""

    def get(self) -> Response:
        """Return changes after a place, or follow them."""
        chosen = self.negotiate(JSON, sse.MEDIA_TYPE)
        parameters = changes_parameters(self.message.query_pairs, self.declared)
        cut = shape(parameters.fields, self.hidden)
        if chosen == sse.MEDIA_TYPE:
            return self._feed(parameters, cut)
        found = poll(self, parameters)
        cursor = ChangeCursor(found.position, found.era, found.began)
        paging = {
            "position": found.position,
            "caught_up": found.caught_up,
            "next": self._next_link(str(cursor)),
        }
        data = json_list(element(change, cut) for change in found.changes)
        return self.answer(b'{"data":%b,"paging":%b}' % (data, json_bytes(paging)))

    def _next_link(self, cursor: str) -> str:
        kept = {"limit", "count", "fields", *self.declared.filters}
        pairs = [pair for pair in self.message.query_pairs if pair[0] in kept]
        return url(f"{self.base}/changes", [*pairs, ("after", cursor)])

    def _feed(self, parameters: ChangesParameters, cut: Shape) -> Response:
        last = self.message.header("last-event-id")
        if last == RESET:
            # The reader got the reset for a lost place, and came back all the same: 204 is the
            # one status that makes a browser stop.
            return self.answer(b"", 204)
        if last:
            parameters = _from(parameters, last)
        headers = self.stream_headers()
        headers["Content-Type"] = sse.MEDIA_TYPE
        headers["Cache-Control"] = "no-store"
        headers["X-Accel-Buffering"] = "no"
        return StreamingResponse(feed(self, parameters, cut), headers=headers, endless=True)


def _from(parameters: ChangesParameters, event_id: str) -> ChangesParameters:
    """Return the parameters with the place of ``Last-Event-ID``, which wins over ``after``."""
    try:
        after = parse_change_cursor(event_id)
    except ValueError:
        # Not one of ours: no era is called so, and the feed will say that the place is lost.
        after = ChangeCursor(0, "-")
    return msgspec.structs.replace(parameters, after=after, now=False)
