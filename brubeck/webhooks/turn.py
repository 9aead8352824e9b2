"""`Turn`: the messages of one subscription, sent while this process has its lease."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, Literal, Never

from brubeck import green
from brubeck.auth import Caller
from brubeck.callables import check_answer
from brubeck.config.values import duration
from brubeck.consumers.track import LeaseLost
from brubeck.handlers.program import Program
from brubeck.http import Problem
from brubeck.storage import Change, Changes, ChangesQuery, LostCursor, RecordStream
from brubeck.streams.cursors import ChangeCursor, parse_change_cursor
from brubeck.webhooks.addresses import Refused, parse_url
from brubeck.webhooks.documents import CLEARED, Subscription
from brubeck.webhooks.messages import (
    Message,
    change_message,
    keys_of,
    reset_message,
    sample_message,
    track_of,
)
from brubeck.webhooks.rights import conditions_of, owner_of, source_of, viewer_of
from brubeck.webhooks.sender import Answer, Sender

log = logging.getLogger("brubeck.webhooks")

STEP: Final = 100
"""The number of changes that are read at a time."""
SAVE_SECONDS: Final = 1.0
"""Seconds after which the position is saved at the latest."""
RECORDED_AGAIN: Final = 100
"""The number of messages sent again with success of which a turn records the attempt."""
_LONGEST_PAUSE: Final = 86_400.0
"""Seconds of a receiver's ``Retry-After`` that count at the most."""

State = Literal["idle", "more", "elsewhere", "failed"]
"""How a turn ends: with nothing left to send; with more of it; with the lease at another process;
with a failed attempt, or a pause."""


class Failed(Exception):
    """The attempt at the message in hand has failed; the turn ends."""


class Turn:
    """Some messages of a subscription, in order.

    ``is_current`` says whether the subscription is still the one that the turn began with, and
    ``until`` (monotonic seconds) is when others are to have a turn.
    """

    def __init__(
        self,
        program: Program,
        declaration: Any,
        subscription: Subscription,
        *,
        owner: str,
        lease: float,
        is_current: Callable[[Subscription], bool],
        until: float,
    ) -> None:
        self._program, self._declaration = program, declaration
        self.subscription = subscription
        self._process, self._lease = owner, lease
        self._is_current, self._until = is_current, until
        self._lock = green.Lock()
        self._is_lost = False
        self._has_lease = False
        self._attempts: list[dict[str, Any]] = []
        self._recorded_again = 0
        self._cursor = "0"
        self._saved = monotonic()
        self.sent = 0
        """The number of messages that were delivered."""
        self.is_stale = False
        """Whether somebody has changed the subscription since the turn began."""

    def run(self) -> State:
        """Send messages and return how it ended; may raise `LeaseLost`, and a `StorageError`."""
        source = source_of(self._declaration, self.subscription.stream or "")
        if source is None:
            return "idle"
        self._source = self._program.stream(source)
        self._track = track_of(self._source, self.subscription, self._process, self._lease)
        if self._track.read() is None:
            self._track.begin(self.subscription.start_cursor or "0")
        place = self._track.acquire()
        if place is None:
            return "elsewhere"
        self._cursor, self._has_lease = place.cursor, True
        found = self._program.stream(self._declaration).get(self.subscription.id)
        if found is None:
            self._leave()
            return "failed"
        self.subscription = found
        self._sender = Sender(
            found.url or "",
            timeout=self._declaration.timeout,
            allow_private=self._declaration.allow_private,
        )
        try:
            state = self._send_all(source)
        except Failed:
            state = "failed"
        finally:
            self._sender.close()
        self._leave()
        return state

    def renew(self) -> None:
        """Renew the lease; called by another thread while the turn lasts."""
        try:
            with self._lock:
                if self._has_lease:
                    self._track.save()
        except LeaseLost:
            self._is_lost = True

    def _send_all(self, source: Any) -> State:
        caller = owner_of(self._program, self._declaration, self.subscription)
        if caller is None or not self._may_subscribe(source, caller):
            self._disable(f"Its owner has no right to read {source.path}.")
        if self.subscription.test:
            self._send_sample()
        if self.subscription.paused or (self.subscription.next_attempt_at or 0) > self._now:
            return "failed"
        try:
            self._where = conditions_of(source, self.subscription)
        except Problem as problem:
            self._disable(f"Its query: {problem.errors or problem.detail}")
        return self._send_changes(source)

    def _send_changes(self, source: Any) -> State:
        """Send the due messages until the time is over or the subscription has changed."""
        while True:
            green.take_turn()
            found = self._changes(source)
            for change in found.changes:
                if not self._goes_on():
                    return "more"
                self._send(change)
                self._cursor = str(ChangeCursor(change.position, found.era, found.began))
                if monotonic() - self._saved > SAVE_SECONDS:
                    self._save()
            self._cursor = str(ChangeCursor(found.position, found.era, found.began))
            if found.caught_up:
                return "idle"
            if not self._goes_on():  # a query that nothing meets has much to look at
                return "more"

    def _send(self, change: Change) -> None:
        """Send a change, unless it is of a kind that the subscription does not ask for."""
        op = "delete" if change.record is None else "put"
        if op in (self.subscription.events or (op,)):
            self._deliver(change_message(self._source, self.subscription, change))

    def _goes_on(self) -> bool:
        if self._is_lost:
            raise LeaseLost(self._track.path)
        return monotonic() < self._until and self._is_current(self.subscription)

    def _may_subscribe(self, source: Any, caller: Caller) -> bool:
        partition = self.subscription.partition or ""
        decide = self._declaration().may_subscribe
        allowed = decide(self._program, caller, source, partition)
        return check_answer(allowed, "may_subscribe")

    def _changes(self, source: Any) -> Changes:
        """Return the next changes; a lost position is reported to the receiver, and starts over."""
        while True:
            at = parse_change_cursor(self._cursor)
            query = ChangesQuery(
                limit=STEP,
                after=at.position if at.position or at.began else None,
                era=at.era,
                began=at.began,
                where=self._where,
                viewer=viewer_of(source, self.subscription.owner_id or ""),
            )
            try:
                records: RecordStream = self._source.opened(self.subscription.partition or "")
                return records.changes(query)
            except LostCursor:
                log.warning("The webhook %s has lost its place", self.subscription.id)
                lost = reset_message(self._source, self.subscription, self._cursor, self._now)
                self._deliver(lost)
                self._cursor = "0"
                self._save()

    def _deliver(self, message: Message) -> None:
        """Send a message; `Failed` where the receiver does not take it."""
        answer = self._attempt(message, (self.subscription.failures or 0) + 1)
        if not answer.is_success:
            self._note_failure(answer)
        self.sent += 1
        if self.subscription.failures:
            self._update(CLEARED)

    def _send_sample(self) -> None:
        """Send the message that the owner has asked for, once."""
        self._attempt(sample_message(self.subscription, self._now), 1)
        self._update({"test": None})

    def _attempt(self, message: Message, attempt: int) -> Answer:
        now, began = self._now, monotonic()
        headers = message.headers(keys_of(self.subscription, now), now)
        answer = self._sender.post(headers, message.body)
        if self._is_recorded(message, answer):
            self._attempts.append(
                {
                    "subscription": self.subscription.id,
                    "webhook_id": message.id,
                    "type": message.type,
                    "item": message.item or None,
                    "attempt": attempt,
                    "outcome": "delivered" if answer.is_success else "failed",
                    "status": answer.status,
                    "answer": answer.text or None,
                    "error": answer.error or None,
                    "duration": round((monotonic() - began) * 1000),
                }
            )
        return answer

    def _is_recorded(self, message: Message, answer: Answer) -> bool:
        """Return whether an attempt is recorded: each, but for many repetitions of successes.

        One short request lets everything be sent again, as often as its owner likes.
        """
        again = 0 < message.position <= (self.subscription.sent_before or 0)
        if not again or not answer.is_success:
            return True
        self._recorded_again += 1
        return self._recorded_again <= RECORDED_AGAIN

    def _note_failure(self, answer: Answer) -> Never:
        """Set when the next attempt is due, or pause the subscription; raises `Failed`."""
        now, declaration = self._now, self._declaration
        failures = (self.subscription.failures or 0) + 1
        since = self.subscription.failing_since or now
        end = since + int(duration(declaration.give_up_after) * 1000)
        log.info("The webhook %s: %s", self._shown, answer.error)
        if answer.status == 410 or now >= end:
            self._disable(answer.error, failures=failures, failing_since=since)
        pause = declaration.retries[min(failures, len(declaration.retries)) - 1]
        pause = max(pause, min(answer.retry_seconds(now), _LONGEST_PAUSE))
        changes = {
            "failures": failures,
            "failing_since": since,
            "next_attempt_at": min(now + int(pause * 1000), end),
            "last_error": answer.error,
        }
        self._save()
        self._update(changes)
        raise Failed

    def _disable(self, reason: str, **state: int) -> Never:
        """Pause the subscription until its owner enables it; raises `Failed`."""
        log.warning("The webhook %s is disabled: %s", self._shown, reason)
        self._save()
        disabled = {"paused": True, "disabled_at": self._now, "last_error": reason, "test": None}
        self._update({**disabled, "next_attempt_at": None, **state})
        raise Failed

    def _update(self, changes: Any) -> None:
        local = self._program.stream(self._declaration)
        try:
            self.subscription = local.update(self.subscription.id, changes)
        except Problem as problem:
            if problem.status in (404, 410):
                raise Failed from None  # it was deleted meanwhile
            raise

    def _save(self, *, release: bool = False) -> None:
        """Save the attempts, then the position: what is not saved is sent, and saved, again."""
        attempts, self._attempts = self._attempts, []
        if attempts:
            owner = Caller(self.subscription.owner_id or "", self.subscription.owner_username or "")
            deliveries = self._program.stream(self._declaration.deliveries)
            for result in deliveries.insert_many(attempts, owner=owner):
                if result.problem is not None:
                    log.error("An attempt could not be recorded: %s", result.problem)
        with self._lock:
            self._has_lease = not release
            self._track.save(self._cursor, release=release)
        self._saved = monotonic()

    def _leave(self) -> None:
        if self._has_lease and not self._is_lost:
            self._save(release=True)

    @property
    def _now(self) -> int:
        return self._program.clock.micros() // 1000

    @property
    def _shown(self) -> str:
        """The subscription and its receiver for the log, without the path, which may be secret."""
        try:
            url = self.subscription.url or ""
            return f"{self.subscription.id} to {parse_url(url, allow_private=True).origin}"
        except Refused:
            return str(self.subscription.id)


def settings_of(subscription: Subscription) -> tuple[Any, ...]:
    """Return the parts of a subscription that decide what is sent, and where to."""
    return (
        *(subscription.url, subscription.query, subscription.events, subscription.paused),
        *(subscription.secret, subscription.previous_secret, subscription.test),
    )
