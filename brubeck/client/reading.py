"""The arguments of reading and following, checked and turned into requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from brubeck.client import operations
from brubeck.client.answers import Item
from brubeck.client.following import Follower
from brubeck.client.operations import StreamUrl
from brubeck.client.query import (
    Pairs,
    checked_cursor,
    fields_pairs,
    filter_pairs,
    link_pairs,
    page_pairs,
)
from brubeck.client.retries import RetryPolicy
from brubeck.client.steps import Steps


@dataclass(frozen=True)
class Reading:
    """The requests of a stream's readers."""

    url: StreamUrl
    policy: RetryPolicy
    silence: float

    def pairs(
        self,
        *,
        start: str | None,
        limit: int | None,
        order: str | None,
        since: object,
        until: object,
        fields: str | Iterable[str] | None,
        total: bool,
        filters: Mapping[str, object],
    ) -> Pairs:
        """Return the parameters of a walk; ``start`` is a link, which has all of them."""
        pairs = page_pairs(
            limit=limit,
            order=order,
            since=since,
            until=until,
            fields=fields,
            total=total,
            filters=filters,
        )
        if start is None:
            return pairs
        if pairs:
            raise ValueError("start is a link, which has the other parameters of its page")
        return link_pairs(start)

    def export(self, media_type: str, pairs: Pairs) -> Steps[None]:
        """Return the steps that read the whole timeline as bytes."""
        return operations.export(self.url, pairs, media_type, self.policy, self.silence)

    def get(self, item_id: str, fields: str | Iterable[str] | None) -> Steps[Item]:
        """Return the steps that read an item."""
        return operations.get(self.url, item_id, fields_pairs(fields), self.policy)

    def filters(self, fields: str | Iterable[str] | None, filters: Mapping[str, object]) -> Pairs:
        """Return the parameters of a feed or mirror."""
        return [*filter_pairs(filters), *fields_pairs(fields)]

    def follower(
        self,
        after: str | None,
        fields: str | Iterable[str] | None,
        filters: Mapping[str, object],
    ) -> Follower:
        """Return the reader of the changes after a cursor."""
        cursor = checked_cursor(after)
        pairs = self.filters(fields, filters)
        return Follower(self.url, pairs, cursor, self.policy, self.silence)

    def follower_of(self, pairs: Pairs) -> Callable[[str, RetryPolicy], Follower]:
        """Return the function that makes the reader of a mirror."""
        return lambda cursor, policy: Follower(self.url, pairs, cursor, policy, self.silence)
