"""The backlog of a program's webhooks: how many subscriptions there are, and how far they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol, cast

import msgspec

from brubeck.consumers.backlog import behind
from brubeck.streams import StreamHandler
from brubeck.streams.local import LocalStream
from brubeck.webhooks.documents import Subscription
from brubeck.webhooks.messages import track_of
from brubeck.webhooks.rights import source_of
from brubeck.webhooks.stream import Webhooks


class HasStreams(Protocol):
    """A program with streams."""

    @property
    def streams(self) -> Sequence[type[StreamHandler]]:
        """The declarations."""

    def stream(self, declaration: type[StreamHandler]) -> LocalStream:
        """Return a stream of the program."""


class WebhookBacklog(msgspec.Struct, frozen=True, kw_only=True):
    """The subscriptions at a path: their number, and the one that is the furthest behind."""

    path: str
    subscriptions: int
    paused: int
    failing: int
    """Those of which the last attempt failed."""
    behind: float
    """Seconds between the last delivered change and the last one that there is, the most of all
    subscriptions that are not paused."""


def webhook_backlogs(application: HasStreams, most: int | None = None) -> Iterator[WebhookBacklog]:
    """Yield the backlog of every stream of subscriptions; of its ``most`` newest ones."""
    for declaration in application.streams:
        if not issubclass(declaration, Webhooks):
            continue
        found = [
            cast("Subscription", each)
            for each in islice(application.stream(declaration).items(), most)
        ]
        paused = [each for each in found if each.paused]
        places = [_behind(application, declaration, each) for each in found if not each.paused]
        yield WebhookBacklog(
            path=declaration.path,
            subscriptions=len(found),
            paused=len(paused),
            failing=sum(bool(each.failures) for each in found),
            behind=max(places, default=0.0),
        )


def _behind(
    application: HasStreams, declaration: type[Webhooks], subscription: Subscription
) -> float:
    source = source_of(declaration, subscription.stream or "")
    if source is None:
        return 0.0
    stream = application.stream(source)
    place = track_of(stream, subscription).read()
    cursor = subscription.start_cursor if place is None else place.cursor
    return behind(cursor, stream, subscription.partition or "") or 0.0
