"""One message of Mongrel2 for many clients that get the same data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from brubeck.connections.mongrel2.messages import MAX_TARGETS
from brubeck.connections.mongrel2.replies import Gone, Outbox, Outgoing


class Multicast:
    """All clients that are reached by one socket (see `brubeck.http.subscription.Group`)."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    def send(self, receivers: Sequence[Outbox], data: bytes) -> list[Outbox]:
        """Send data in one message for many receivers; return those that could not take it.

        A message names at most `MAX_TARGETS` receivers. One with other data on the way gets its
        own message, after those.
        """
        ready: dict[tuple[bytes, bytes], list[bytes]] = {}
        left = []
        for outbox in receivers:
            if coded := outbox.take(data):
                peer = outbox.peer
                ready.setdefault((peer.sender, coded), []).append(peer.conn_id)
            elif not outbox.receive(data):
                left.append(outbox)
        for (sender, coded), ids in ready.items():
            for start in range(0, len(ids), MAX_TARGETS):
                with suppress(Gone):  # there is no way out any more, and each finds that out
                    self._outgoing.send(sender, ids[start : start + MAX_TARGETS], coded)
        return left
