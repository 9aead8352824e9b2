"""Following a stream: server-sent events, or long polls where there are none.

Rules:

- The place is the cursor of the last change or checkpoint; every request begins there, so nothing
  is passed over and nothing comes twice. An event that the end of a connection cuts is dropped.
- Until the first answer a feed fails as any other operation does. From then on whatever passes
  (a lost connection, 429, 5xx) is waited out, however long it takes.
- Another status is final. 410, and a `reset` event of that status, are `HistoryLost`.
- A checkpoint comes every 15 seconds, so a feed that is silent for longer has lost its server, and
  one that was silent from its start is held back by a proxy: then long polls take over for a time.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import Final

from brubeck.client.answers import (
    Change,
    change_of,
    changes_of,
    json_of,
    json_value,
    problem_of,
    sent_cursor,
)
from brubeck.client.errors import HistoryLost, Problem
from brubeck.client.events import Event, EventParser
from brubeck.client.operations import StreamUrl, fetch, reason_of, unavailable
from brubeck.client.query import Pairs
from brubeck.client.retries import Retries, RetryPolicy
from brubeck.client.steps import (
    Emit,
    Failure,
    Open,
    Pause,
    Read,
    Reply,
    Request,
    Send,
    Steps,
)
from brubeck.errors import ProtocolError

log = logging.getLogger("brubeck.client")

EVENT_STREAM: Final = "text/event-stream"
SILENCE_SECONDS: Final = 40.0
"""Seconds without a byte after which a feed has lost its server, which sends something every 15."""
HELD_BACK_SECONDS: Final = 600.0
"""Seconds of long polls after a feed that was silent from its start."""
WAIT_SECONDS: Final = 30
"""Seconds that a long poll waits for a change."""
POLL_SPARE_SECONDS: Final = 15.0
"""Seconds that the answer to a long poll may come later."""
RETRY_SECONDS: Final = 2.0
"""Seconds after which an ended feed is opened again, where the server does not name them."""
MAX_RETRY_SECONDS: Final = 30.0


@dataclass
class Follower:
    """A reader of the change order: its place, and how it gets the changes."""

    url: StreamUrl
    pairs: Pairs
    """The filters and fields of every request."""
    cursor: str | None
    policy: RetryPolicy
    silence: float = SILENCE_SECONDS
    polls: bool = False
    """Whether long polls take the place of server-sent events."""
    _retries: Retries = field(init=False, repr=False)
    _retry: float = RETRY_SECONDS
    _caught_up: bool = False
    _tick: str = ""
    _held_back_until: float = -math.inf

    def steps(self) -> Steps[None]:
        """Emit each `Change`; it ends by an error alone."""
        self._retries = self.policy.start()
        if self.cursor == "now":
            yield from self.look()
        while True:
            is_held_back = self.policy.clock() < self._held_back_until
            yield from self._poll() if self.polls or is_held_back else self._feed()

    def look(self) -> Steps[bool]:
        """Emit the changes that there are now, a page of them; return whether these are all."""
        reply = yield from fetch(self._request(), self.policy)
        return (yield from self._page(reply))

    def _request(self, *more: tuple[str, str], accept: str = "application/json") -> Request:
        place = [] if self.cursor is None else [("after", self.cursor)]
        pairs = [*self.pairs, *place, *more]
        headers = {"Accept": accept}
        if accept == EVENT_STREAM:
            # A compressing proxy would hold the events back until its block is full.
            headers |= {"Accept-Encoding": "identity", "Cache-Control": "no-cache"}
        return self.url.request("GET", "/changes", pairs=pairs, headers=headers)

    # Long polls.

    def _poll(self) -> Steps[None]:
        # The first look does not wait: it finds the place though nothing may match for long.
        waits = self._caught_up
        waiting = [("wait", str(WAIT_SECONDS))] if waits else []
        request = self._request(*waiting, *([("tick", self._tick)] if self._tick else []))
        since = self.policy.clock()
        reply = yield Send(request, WAIT_SECONDS + POLL_SPARE_SECONDS)
        if not isinstance(reply, Reply) or reply.status != 200:
            self._caught_up = False
            yield from self._failed(request, reply)
            return
        before = self.cursor
        self._caught_up = yield from self._page(reply)
        if waits and self.cursor == before and self.policy.clock() - since < 1:
            yield Pause(self._uniform(RETRY_SECONDS))  # the server may not wait

    def _page(self, reply: Reply) -> Steps[bool]:
        """Emit the changes of an answer, and return whether there are no more."""
        if reply.status == 410:
            raise HistoryLost(self.url.base, self.cursor)
        page = changes_of(reply)
        self._succeeded()
        for change in page.changes:
            self.cursor = change.cursor
            yield Emit(change)
        self.cursor, self._tick = page.cursor, page.tick
        return page.caught_up

    # Server-sent events.

    def _feed(self) -> Steps[None]:
        request = self._request(accept=EVENT_STREAM)
        reply = yield Open(request, self.silence)
        if not isinstance(reply, Reply):
            self._note_silence(reply)
            yield from self._failed(request, reply)
        elif reply.status == 200 and reply.media_type == EVENT_STREAM:
            yield from self._events(request)
        elif reply.status in (200, 406):
            self.polls = True
            log.info("%s: no server-sent events; using long polls", request)
        else:
            yield from self._failed(request, reply)

    def _events(self, request: Request) -> Steps[None]:
        """Emit the changes of an open feed until it ends."""
        parser, is_silent, received = EventParser(), True, False
        while True:
            piece = yield Read()
            if isinstance(piece, Failure) or not piece:
                break
            is_silent = False
            try:
                for event in parser.feed(piece):
                    change = self._receive(event)
                    received = True
                    self._succeeded()
                    if change is not None:
                        yield Emit(change)
            except ProtocolError as reason:
                piece, received = Failure(str(reason), reason), False
                break
        if parser.retry_ms is not None:
            self._retry = min(parser.retry_ms / 1000, MAX_RETRY_SECONDS)
        outcome = piece if isinstance(piece, Failure) else Failure("the feed ended")
        if is_silent:
            self._note_silence(outcome)
        if received:
            log.info("%s: %s; opening it again", request, outcome.reason)
            yield Pause(self._uniform(self._retry))
        else:
            yield from self._failed(request, outcome)

    def _receive(self, event: Event) -> Change | None:
        """Return the change of an event, and move to its cursor."""
        try:
            if event.type == "reset":
                raise self._reset(json_value(event.data))
            if event.type == "checkpoint":
                self.cursor = sent_cursor(event.id) if event.id else self.cursor
            if event.type not in ("put", "delete"):
                return None
            change = change_of(json_value(event.data), sent_cursor(event.id))
        except (KeyError, TypeError, ValueError) as reason:
            raise ProtocolError(f"not an event of a stream: {event.data[:80]!r}") from reason
        self.cursor = event.id
        return change

    def _reset(self, data: dict[str, object]) -> HistoryLost | Problem:
        status = data.get("status")
        if not isinstance(status, int) or status == 410:
            return HistoryLost(self.url.base, self.cursor)
        return problem_of(Reply(status))

    # Failures.

    def _note_silence(self, outcome: Failure) -> None:
        """Use long polls for a time after a feed that was silent from its start."""
        if outcome.silent:
            self._held_back_until = self.policy.clock() + HELD_BACK_SECONDS

    def _succeeded(self) -> None:
        self.policy = self.policy.endless()
        self._retries = self.policy.start()

    def _failed(self, request: Request, outcome: Reply | Failure) -> Steps[None]:
        """Wait after what passes; raise the error of what does not."""
        if isinstance(outcome, Reply):
            if outcome.status == 410:
                raise HistoryLost(self.url.base, self.cursor)
            if not self.policy.is_transient(outcome):
                json_of(outcome)  # a `Problem`, unless it is a success
                raise Problem(outcome.status, detail="The answer is not that of a stream.")
        pause = self._retries.pause(outcome)
        if pause is None:
            raise unavailable(request, outcome, self._retries.failures)
        log.warning("%s: %s; retrying in %.1f s", request, reason_of(outcome), pause)
        yield Pause(pause)

    def _uniform(self, seconds: float) -> float:
        return self.policy.uniform(seconds / 2, seconds)
