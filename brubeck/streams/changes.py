"""The changes of a stream: one position for a look, a long poll and an open feed.

A feed reads from the storage at its own pace and holds nothing but its place, so a slow reader
costs nothing but its connection. Browsers give up for good on any status but 200 and show no body,
so a feed says what went wrong inside a 200: a lost place is one ``reset`` event and the end, and a
storage that is down is comments until it is back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from brubeck import green
from brubeck.http import Response, StreamingResponse
from brubeck.storage import Change, Changes, ChangesQuery, LostPlace, Queryset, Unavailable
from brubeck.streams import sse
from brubeck.streams.cursors import RESET, ChangeCursor, parse_change_cursor, url
from brubeck.streams.handler import JSON, StreamHandler, json_bytes
from brubeck.streams.parameters import ChangesParameters, changes_parameters
from brubeck.streams.shapes import Shape, json_list, shape

PATIENCE = 2.0
"""Seconds after which a reader that waits is looked after: it may have left."""
CHECKPOINT = 15.0
"""Seconds after which a feed says where it is, at the latest."""
RETRY_MS = 2000
_STEP = 100


class ChangeFeed(StreamHandler):
    """``/quakes/changes``: the change order."""

    def get(self) -> Response:
        """Return changes after a place, or follow them."""
        chosen = self.negotiate(JSON, sse.MEDIA_TYPE)
        parameters = changes_parameters(self.message.query_pairs, self.declared)
        cut = shape(parameters.fields, self.hidden)
        if chosen == sse.MEDIA_TYPE:
            return self._feed(parameters, cut)
        found = self._poll(parameters)
        cursor = ChangeCursor(found.position, found.era, found.began)
        paging = {
            "position": found.position,
            "caught_up": found.caught_up,
            "next": self._next_link(str(cursor)),
        }
        data = json_list(_element(change, cut) for change in found.changes)
        return self.answer(b'{"data":%b,"paging":%b}' % (data, json_bytes(paging)))

    def _poll(self, parameters: ChangesParameters) -> Changes:
        """Return the next changes, waiting for the first as long as was asked."""
        queryset = self.queryset
        query = first_query(queryset, parameters, parameters.limit)
        until = time.monotonic() + parameters.wait
        while True:
            found = queryset.changes(query)
            left = until - time.monotonic()
            if found.changes or left <= 0 or not self.message.may_wait():
                return found
            query = next_query(query, found)
            if found.caught_up:
                wait(queryset, found.position, left, self.message.may_wait)

    def _next_link(self, cursor: str) -> str:
        kept = {"limit", "count", "fields", *self.declared.filters}
        pairs = [pair for pair in self.message.query_pairs if pair[0] in kept]
        return url(f"{self.path}/changes", [*pairs, ("after", cursor)])

    def _feed(self, parameters: ChangesParameters, cut: Shape) -> Response:
        last = self.message.header("last-event-id")
        if last == RESET:
            # The reader was told that its place is lost, and came back all the same: 204 is the
            # one status that makes a browser stop.
            return self.answer(b"", 204)
        if last:
            parameters = _from(parameters, last)
        headers = self.stream_headers()
        headers["Content-Type"] = sse.MEDIA_TYPE
        headers["Cache-Control"] = "no-store"
        headers["X-Accel-Buffering"] = "no"
        frames = feed(lambda: self.queryset, parameters, cut, self.path, self.message.may_wait)
        return StreamingResponse(frames, headers=headers, endless=True)


def _from(parameters: ChangesParameters, event_id: str) -> ChangesParameters:
    """Return the parameters with the place of ``Last-Event-ID``, which wins over ``after``."""
    try:
        after = parse_change_cursor(event_id)
    except ValueError:
        # Not one of ours: no era is called so, and the feed will say that the place is lost.
        after = ChangeCursor(0, "-")
    return msgspec.structs.replace(parameters, after=after, now=False)


def first_query(queryset: Queryset, parameters: ChangesParameters, limit: int) -> ChangesQuery:
    """Return the first step that parameters ask for."""
    after = parameters.after
    if parameters.now:
        head = queryset.head()
        after = ChangeCursor(head.position, head.era)
    if after is None:
        return ChangesQuery(limit=limit, where=parameters.where)
    return ChangesQuery(
        limit=limit,
        after=after.position,
        era=after.era,
        began=after.began,
        where=parameters.where,
    )


def next_query(query: ChangesQuery, found: Changes) -> ChangesQuery:
    """Return the step that goes on where another ended."""
    return ChangesQuery(
        limit=query.limit,
        after=found.position,
        era=found.era,
        began=found.began,
        where=query.where,
    )


def wait(queryset: Queryset, after: int, seconds: float, may_wait: Callable[[], bool]) -> None:
    """Wait for what comes after a position, at most so long and while somebody wants to know."""
    until = time.monotonic() + seconds
    while may_wait() and (left := until - time.monotonic()) > 0:
        if queryset.wait(after, min(left, PATIENCE)):
            return


def feed(
    open_stream: Callable[[], Queryset],
    parameters: ChangesParameters,
    cut: Shape,
    restart: str,
    may_wait: Callable[[], bool],
) -> Iterator[bytes]:
    """Yield the frames of an open feed, as many at a time as there are, while it is followed.

    A checkpoint comes whenever the reader has caught up after being behind, and every so often.
    """
    yield sse.retry(RETRY_MS)
    query: ChangesQuery | None = None
    said, behind = time.monotonic(), True
    while may_wait():
        try:
            queryset = open_stream()
            if query is None:
                query = first_query(queryset, parameters, _STEP)
            found = queryset.changes(query)
            query = next_query(query, found)
            frames = [_frame(change, found, cut) for change in found.changes]
            if frames:
                yield b"".join(frames)
            left = said + CHECKPOINT - time.monotonic()
            if left <= 0 or (found.caught_up and behind):
                yield _checkpoint(found)
                said, left = time.monotonic(), CHECKPOINT
            behind = not found.caught_up
            if found.caught_up:
                wait(queryset, found.position, left, may_wait)
        except LostPlace:
            data = json_bytes({"status": 410, "restart": restart})
            yield sse.event("reset", data, RESET)
            return
        except Unavailable:
            yield sse.comment("the storage cannot be reached now")
            green.sleep(1.0)


def _frame(change: Change, found: Changes, cut: Shape) -> bytes:
    cursor = str(ChangeCursor(change.position, found.era, found.began))
    return sse.event("delete" if change.record is None else "put", _element(change, cut), cursor)


def _checkpoint(found: Changes) -> bytes:
    cursor = ChangeCursor(found.position, found.era, found.began)
    data = json_bytes({"position": found.position, "caught_up": found.caught_up})
    return sse.event("checkpoint", data, str(cursor))


def _element(change: Change, cut: Shape) -> bytes:
    """Return one element of ``data[]``; the item's own JSON goes in as it is stored."""
    op, data = (b"delete", b"null") if change.record is None else (b"put", cut(change.record.body))
    return b'{"position":%d,"id":"%b","op":"%b","data":%b}' % (
        change.position,
        change.id.encode(),
        op,
        data,
    )
