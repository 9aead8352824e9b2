"""`Dispatcher`: the subscriptions of one declaration in this process, each with turns of its own.

A subscription with something to send gets a thread for a turn, so a slow receiver holds up no
other; one that waits for its next attempt, or for a change, has none. Of several processes the one
that gets the lease of a subscription sends.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections import Counter
from time import monotonic
from typing import Any, Final

from brubeck import green
from brubeck.consumers.stopping import Stop
from brubeck.consumers.track import LeaseLost
from brubeck.handlers.program import Program
from brubeck.storage import LostCursor, Unavailable
from brubeck.webhooks.documents import Subscription
from brubeck.webhooks.messages import track_of
from brubeck.webhooks.rights import source_of
from brubeck.webhooks.turn import State, Turn, settings_of

log = logging.getLogger("brubeck.webhooks")

MAX_TURNS: Final = 100
"""The maximal number of subscriptions that have a turn at once; then they take turns."""
TURN_SECONDS: Final = 10.0
"""Seconds after which a turn ends, though there is more to send."""
_LOOK: Final = 0.5
"""Seconds after which everything is looked at again."""
_PAUSE: Final = 0.02
"""Seconds between two looks, however much is written meanwhile."""
_WATCH: Final = 2.0
"""Seconds to wait for a change of a stream."""

_Head = tuple[int, str]


class Dispatcher:
    """The webhooks of one declaration in this process."""

    def __init__(self, program: Program, declaration: Any, stopping: Stop) -> None:
        self._program, self._declaration, self._stopping = program, declaration, stopping
        self._local = program.stream(declaration)
        self._lease = program.settings.jobs.lease
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._cursor = "0"
        self._known: dict[str, Subscription] = {}
        self._caught_up: dict[str, _Head] = {}
        """The head of its stream up to which a subscription has everything."""
        self._not_before: dict[str, float] = {}
        self._last: dict[str, float] = {}
        """The moment at which the last turn of a subscription began."""
        self._turns: dict[str, Turn] = {}
        self._wake = green.Event()

    # The subscriptions.

    def follow(self) -> None:
        """Take note of new, changed and deleted subscriptions."""
        try:
            for change in green.fairly(self._local.follow(self._cursor, wait=0)):
                self._note(change.id, change.document)
                self._cursor = change.cursor
        except LostCursor:
            self._cursor, self._known = "0", {}

    def _note(self, item_id: str, subscription: Subscription | None) -> None:
        if (turn := self._turns.get(item_id)) is not None:
            turn.is_stale = True
        before = self._known.pop(item_id, None)
        self._caught_up.pop(item_id, None)
        if subscription is not None:
            self._known[item_id] = subscription
        elif before is not None:
            self._last.pop(item_id, None)
            self._not_before.pop(item_id, None)
            source = source_of(self._declaration, before.stream or "")
            if source is not None:
                track_of(self._program.stream(source), before).remove()

    def _is_current(self, subscription: Subscription) -> bool:
        """Return whether a turn may go on: nobody has changed the subscription meanwhile."""
        if self._stopping.is_set():
            return False
        known = self._known.get(subscription.id or "")
        return known is not None and settings_of(known) == settings_of(subscription)

    # Turns.

    def due(self) -> dict[str, _Head]:
        """Return the ids of subscriptions with something to send, and the heads of their streams.

        Those that have waited the longest come first.
        """
        heads: dict[tuple[str, str], _Head] = {}
        found: dict[str, _Head] = {}
        now, moment = self._program.clock.micros() // 1000, monotonic()
        for item_id, subscription in green.fairly(list(self._known.items())):
            source = source_of(self._declaration, subscription.stream or "")
            waits = subscription.paused or (subscription.next_attempt_at or 0) > now
            if (
                source is None
                or item_id in self._turns
                or self._not_before.get(item_id, 0.0) > moment
                or (waits and not subscription.test)
            ):
                continue
            at = (source.path, subscription.partition or "")
            if at not in heads:
                head = self._program.stream(source).opened(at[1]).head()
                heads[at] = (head.position, head.era)
            if subscription.test or self._caught_up.get(item_id) != heads[at]:
                found[item_id] = heads[at]
        return dict(sorted(found.items(), key=lambda each: self._last.get(each[0], 0.0)))

    def take_turn(self, item_id: str, head: _Head) -> tuple[State, int]:
        """Let a subscription have its turn; return how it ended, and how much was delivered."""
        turn = self._turns[item_id]
        state: State = "failed"
        try:
            state = turn.run()
        except LeaseLost:
            state = "elsewhere"
        except Unavailable as reason:
            log.warning("A webhook waits: %s", reason)
            self._not_before[item_id] = monotonic() + 1.0
        except Exception:
            log.exception("The webhook %s failed, and goes on in 1 s", item_id)
            self._not_before[item_id] = monotonic() + 1.0
        if state == "idle":
            self._caught_up[item_id] = head
            if turn.is_stale:  # looked at last: it may have been sent back meanwhile
                self._caught_up.pop(item_id, None)
        elif state in ("elsewhere", "failed"):
            # By then `follow` has noted what the turn has changed of the subscription.
            pause = monotonic() + min(_LOOK, self._lease / 2)
            self._not_before[item_id] = max(pause, self._not_before.get(item_id, 0.0))
        del self._turns[item_id]
        self._wake.set()
        return state, turn.sent

    def begin_turn(self, item_id: str, seconds: float = TURN_SECONDS) -> None:
        """Prepare the turn of a subscription."""
        self._last[item_id] = monotonic()
        self._turns[item_id] = Turn(
            self._program,
            self._declaration,
            self._known[item_id],
            owner=self._owner,
            lease=self._lease,
            is_current=self._is_current,
            until=monotonic() + seconds,
        )

    # Running.

    def start(self) -> None:
        """Begin to watch the streams and to send."""
        for stream in (self._declaration, *self._declaration.sources):
            if not stream.spec.path.partition:
                green.spawn(self._watch, self._program.stream(stream))
        green.spawn(self._renew_leases)
        green.spawn(self._dispatch)

    @property
    def is_busy(self) -> bool:
        """Whether a turn lasts."""
        return bool(self._turns)

    def _dispatch(self) -> None:
        green.supervise(self._look, f"Sending {self._declaration.path}", every=_PAUSE)

    def _look(self) -> bool:
        if self._stopping.is_set():
            return False
        self._wake.clear()
        try:
            self.follow()
            self._begin_turns()
        except Unavailable as reason:
            log.warning("Webhooks wait: %s", reason)
            self._stopping.wait(1.0)
        self._wake.wait(_LOOK)
        return True

    def _begin_turns(self) -> None:
        """Begin the turns that are due, as many as there is room for.

        An owner has at most as many as are free beside them: however many receivers of its own
        hang, there is a turn left for the subscriptions of others.
        """
        held = Counter(turn.subscription.owner_id for turn in self._turns.values())
        for item_id, head in self.due().items():
            owner = self._known[item_id].owner_id
            if held[owner] < MAX_TURNS - len(self._turns):
                held[owner] += 1
                self.begin_turn(item_id)
                green.spawn(self.take_turn, item_id, head)

    def _watch(self, stream: Any) -> None:
        position = 0

        def wait() -> bool:
            nonlocal position
            if self._stopping.is_set():
                return False
            records = stream.opened("")
            if records.wait(position, _WATCH):
                position = records.head().position
                self._wake.set()
            return True

        green.supervise(wait, f"Watching {stream.spec.path.template}", every=_PAUSE)

    def _renew_leases(self) -> None:
        green.supervise(self._renew_once, "Renewing the leases of webhooks", every=self._lease / 3)

    def _renew_once(self) -> bool:
        for turn in list(self._turns.values()):
            turn.renew()
        return self.is_busy or not self._stopping.is_set()
