"""The number of subscriptions that a caller may have, counted by one of its requests at a time.

Two requests that count at the same time would both find room for what they make. So a request has a
lease on the count, in the storage, from its first subscription until its end.
"""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Final

import msgspec

from brubeck import green
from brubeck.http import Problem
from brubeck.storage import PageQuery, StorageError
from brubeck.streams import Context

LEASE: Final = 4.0
"""The length of a lease, in seconds; that of a killed request ends by itself."""
PATIENCE: Final = 2.0
"""Seconds that a request waits for another one of its caller."""
_PAUSE: Final = 0.02
_KEEP: Final = 3600.0


class SubscriptionQuota:
    """The count of a caller's subscriptions, for one request."""

    def __init__(self, context: Context, most: int) -> None:
        self._context, self._most = context, most
        named = [context.spec.path.template, context.caller.id]
        self._name = f"subscriptions {msgspec.json.encode(named).decode()}"
        self._stored = 0
        self._made: list[str] = []
        """The ids of the subscriptions of this request that were not found in the storage yet."""
        self._until = self._ends = 0.0
        self._is_late = False

    def take(self, item_id: str) -> None:
        """Count one more subscription; a `Problem` (409) where there is no room for it."""
        if monotonic() >= self._until:
            self._begin()
        if self._stored + len(self._made) >= self._most:
            detail = f"A caller has at most {self._most} subscriptions; delete another one."
            raise Problem(409, detail)
        self._made.append(item_id)

    def release(self) -> None:
        """End the lease, once the counted subscriptions are written or given up."""
        if monotonic() < self._ends:  # otherwise another request may have it by now
            with suppress(StorageError):  # the lease ends by itself
                self._context.stream.store.conclude(self._name, None)
        self._until = self._ends = 0.0

    def _begin(self) -> None:
        """Get the lease, and count the stored subscriptions."""
        self.release()
        patience = monotonic() + PATIENCE
        store, records = self._context.stream.store, self._context.records
        while not store.attempt(self._name, b"", b"", lease=LEASE, keep=_KEEP).ours:
            self._is_late |= monotonic() > patience
            if self._is_late:  # of a list or an import, each other one is refused at once
                detail = "Another request of this caller makes subscriptions; send this one again."
                raise Problem(409, detail, headers={"Retry-After": "1"})
            green.sleep(_PAUSE)
        self._context.at_end(self.release)
        self._until, self._ends = monotonic() + LEASE / 2, monotonic() + LEASE * 3 / 4
        if self._made:  # an import writes some of its lines before it reads the next ones
            found = zip(self._made, records.get(self._made), strict=True)
            self._made = [item_id for item_id, there in found if there is None]
        query = PageQuery(limit=self._most, viewer=self._context.caller.id)
        self._stored = records.count(query).total
