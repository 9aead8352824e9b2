"""Following a stream: one step after another along the change order, and waiting for more.

A feed reads from the storage at its own pace and holds nothing but its place, so a slow reader
costs nothing but its connection. Browsers give up for good on any status but 200 and show no body,
so a feed says what went wrong inside a 200: a lost place, or rights that were taken away, are one
``reset`` event and the end, and a storage that is down is comments until it is back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from brubeck import green
from brubeck.http import Problem
from brubeck.http.subscription import Subscription
from brubeck.storage import Change, Changes, ChangesQuery, LostCursor, PageQuery, Unavailable
from brubeck.streams import sse
from brubeck.streams.context import Context
from brubeck.streams.cursors import RESET, ChangeCursor
from brubeck.streams.parameters import ChangesParameters
from brubeck.streams.projection import Projection, json_bytes
from brubeck.streams.topics import Topic, TopicSubscription

RECHECK_SECONDS = 2.0
"""Seconds after which a reader that waits is looked after: it may have left, or lost its rights."""
CHECKPOINT_SECONDS = 15.0
"""Seconds after which a feed says where it is, at the latest."""
RETRY_MS = 2000
_ALONE = 5.0
"""Seconds after which a topic without feeds ends, at the latest."""
_ASIDE = 0.05
"""Seconds after which a reader tries again to join others that were elsewhere."""
STEP = 100
"""How many changes an open feed takes at a time."""


class Follower:
    """A reader on its way: where it stands, and whether it still may and wants to go on."""

    def __init__(self, context: Context, parameters: ChangesParameters, limit: int) -> None:
        self._context = context
        self._parameters = parameters
        self._limit = limit
        self._query: ChangesQuery | None = None
        self._asked = time.monotonic()

    @property
    def stays(self) -> bool:
        """Whether somebody still wants to know."""
        return self._context.request.is_wanted()

    @property
    def may_wait(self) -> bool:
        """Whether a reader that has caught up may wait for more."""
        return self._context.request.may_wait()

    def step(self) -> Changes:
        """Return the next changes; a `Problem` when the caller may see them no longer."""
        self._recheck()
        queryset = self._context.records
        if self._query is None:
            self._query = self._first()
        green.take_turn()  # hundreds of readers may wake at one write, each with a scan of its own
        found = queryset.changes(self._query)
        green.take_turn()  # those that share a step have it at once, and each makes events of it
        self.go_on(found)
        return found

    def go_on(self, found: Changes) -> None:
        """Stand where somebody else has come to for this reader."""
        if self._query is not None:
            self._query = msgspec.structs.replace(
                self._query, after=found.position, era=found.era, began=found.began
            )

    def wait(self, after: Changes, seconds: float) -> None:
        """Wait for further changes, at most ``seconds`` and while the answer may wait."""
        queryset = self._context.records
        until = time.monotonic() + seconds
        while self.may_wait and (left := until - time.monotonic()) > 0:
            if queryset.wait(after.head, min(left, RECHECK_SECONDS)):
                return
            self._recheck()

    def _recheck(self) -> None:
        """Check the caller's access again when the last check is `RECHECK_SECONDS` seconds old."""
        now = time.monotonic()
        if now - self._asked >= RECHECK_SECONDS:
            self._context.recheck()
            self._asked = now

    def _first(self) -> ChangesQuery:
        after, viewer = self._parameters.after, self._context.viewer
        query = ChangesQuery(limit=self._limit, where=self._parameters.where, viewer=viewer)
        if self._parameters.now:
            after = self._here(viewer)
        if after is None:
            return query
        # Position 0 is the beginning: a reader there has seen nothing that could be purged.
        position = after.position if after.position or after.began else None
        return msgspec.structs.replace(query, after=position, era=after.era, began=after.began)

    def _here(self, viewer: str | None) -> ChangeCursor:
        queryset = self._context.records
        if viewer is None:
            head = queryset.head()
            return ChangeCursor(head.position, head.era)
        # A viewer's place may not be another's write: a page knows one that is not.
        page = queryset.page(PageQuery(limit=1, viewer=viewer))
        return ChangeCursor(page.follow(viewer), page.head.era)


def poll(context: Context, parameters: ChangesParameters) -> Changes:
    """Return the next changes, waiting for the first as long as was asked."""
    follower = Follower(context, parameters, parameters.limit)
    until = time.monotonic() + parameters.wait
    while True:
        found = follower.step()
        left = until - time.monotonic()
        if found.changes or left <= 0 or not follower.may_wait:
            return found
        if found.caught_up:
            follower.wait(found, left)
        else:
            green.sleep(0)  # a filter that nothing meets has much to look at


def feed(
    context: Context, parameters: ChangesParameters, project: Projection
) -> Iterator[bytes | Subscription]:
    """Yield the frames of an open feed, as many at a time as there are, while it is followed.

    A checkpoint is sent whenever the reader has caught up after being behind, and regularly. Once
    it has caught up it shares a topic with other feeds, where connection and stream allow it;
    where it may not wait it ends, and its reader comes back with the last cursor that it got.
    """
    parts = _parts(context, parameters, project)
    for part in parts:
        if isinstance(part, bytes) and not part.startswith(b":"):
            # The time to reconnect stands before the first event: by itself it would be a block
            # without data, of which some readers make an event.
            yield sse.retry(RETRY_MS) + part
            break
        yield part
    yield from parts


def _parts(
    context: Context, parameters: ChangesParameters, project: Projection
) -> Iterator[bytes | Subscription]:
    frames = _Frames(context, parameters, project)
    while frames.go_on:
        try:
            yield from frames.next()
        except LostCursor:
            yield _reset(410, context)
            return
        except Problem as problem:
            yield _reset(problem.status, context)
            return
        except Unavailable:
            yield sse.comment("the storage is unavailable")
            if not frames.follower.may_wait:
                return
            green.sleep(1.0)


class _Frames:
    """The frames of one feed, a step at a time."""

    def __init__(
        self, context: Context, parameters: ChangesParameters, project: Projection
    ) -> None:
        self.follower = Follower(context, parameters, STEP)
        self._context, self._parameters, self._project = context, parameters, project
        self._shares = context.request.may_subscribe and context.may_share
        self._said = time.monotonic()
        self._behind = True

    @property
    def go_on(self) -> bool:
        """Whether there is more to send, or to wait for."""
        follower = self.follower
        return follower.stays and (self._behind or follower.may_wait)

    def next(self) -> Iterator[bytes | Subscription]:
        """Yield the frames of the next step, and wait when the reader has caught up."""
        found = self.follower.step()
        if found.changes:
            yield _frames(found, self._project)
        left = self._said + CHECKPOINT_SECONDS - time.monotonic()
        if left <= 0 or (found.caught_up and self._behind):
            yield _checkpoint(found)
            self._said, left = time.monotonic(), CHECKPOINT_SECONDS
        self._behind = not found.caught_up
        if found.caught_up and self._shares:
            yield from self._among_others(found)
        elif found.caught_up:
            self.follower.wait(found, left)
        if not (found.caught_up or found.changes):
            green.sleep(0)  # a filter that nothing meets has much to look at

    def _among_others(self, found: Changes) -> Iterator[Subscription]:
        """Go on among the feeds that ask for the same, until this one has to go on alone."""
        subscription = _subscription(self._context, self._parameters, self._project, found)
        yield subscription
        self.follower.go_on(subscription.found)
        self._said = time.monotonic()
        if subscription.found is found:
            self.follower.wait(found, _ASIDE)  # the others were elsewhere, or it is over


def element(change: Change, project: Projection) -> bytes:
    """Return one element of ``data[]``; the item's own JSON goes in as it is stored."""
    named, record = (change.position, change.id.encode()), change.record
    if record is None:
        return b'{"position":%d,"id":"%b","op":"delete","data":null}' % named
    written = (record.version, project(record.body))
    return b'{"position":%d,"id":"%b","op":"put","version":%d,"data":%b}' % (*named, *written)


def _subscription(
    context: Context, parameters: ChangesParameters, project: Projection, found: Changes
) -> TopicSubscription:
    """Return a place among the feeds that ask for the same."""
    key = (context.base, parameters.where, parameters.fields)
    stream, partition = context.stream, context.partition

    def make() -> Topic:
        return Topic(
            lambda: stream.opened(partition),
            ChangesQuery(limit=STEP, where=parameters.where),
            lambda found: _frames(found, project),
            _checkpoint,
            (_ALONE, CHECKPOINT_SECONDS),
        )

    return stream.topics.subscription(key, found, make)


def _frames(found: Changes, project: Projection) -> bytes:
    return b"".join([_frame(change, found, project) for change in found.changes])


def _frame(change: Change, found: Changes, project: Projection) -> bytes:
    cursor = str(ChangeCursor(change.position, found.era, found.began))
    return sse.event("delete" if change.record is None else "put", element(change, project), cursor)


def _checkpoint(found: Changes) -> bytes:
    cursor = ChangeCursor(found.position, found.era, found.began)
    data = json_bytes({"position": found.position, "caught_up": found.caught_up})
    return sse.event("checkpoint", data, str(cursor))


def _reset(status: int, context: Context) -> bytes:
    return sse.event("reset", json_bytes({"status": status, "restart": context.base}), RESET)
