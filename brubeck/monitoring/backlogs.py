"""Metrics of consumers and webhooks: how far they are, as their stores have it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import Any, Final, Protocol

from brubeck.consumers.backlog import Backlog, backlogs
from brubeck.consumers.letters import HasConsumers
from brubeck.storage import StorageError
from brubeck.webhooks.backlog import HasStreams, webhook_backlogs

log = logging.getLogger("brubeck.monitoring")

_MOST: Final = 1000
"""The maximal number of partitions, and of subscriptions of a path, that are looked at."""
_EVERY: Final = 10.0
"""Seconds for which the figures are reused: frequent requests cost no more reads."""


class Following(HasConsumers, HasStreams, Protocol):
    """A program with consumers and streams."""


class BacklogCollector:
    """A collector of prometheus-client for the backlogs of a program."""

    def __init__(self, program: Following) -> None:
        self._program = program
        self._until = 0.0
        self._found: list[Any] = []

    def describe(self) -> Sequence[Any]:
        """Return nothing, so that the registration reads no store."""
        return ()

    def collect(self) -> Sequence[Any]:
        """Return the figures, at most ten seconds old; none while a store cannot be read."""
        if monotonic() >= self._until:
            try:
                self._found = list(self._measured())
            except StorageError as reason:
                log.warning("The backlogs are not known: %s", reason)
                self._found = []
            self._until = monotonic() + _EVERY
        return self._found

    def _measured(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        behind = GaugeMetricFamily(
            "brubeck_consumer_behind_seconds",
            "Seconds between the last delivered change and the last one, of the last partition.",
            labels=["consumer"],
        )
        dead = GaugeMetricFamily(
            "brubeck_consumer_dead_letters", "Dead letters of a consumer.", labels=["consumer"]
        )
        found: dict[str, list[Backlog]] = {}
        for each in islice(backlogs(self._program), _MOST):
            found.setdefault(each.consumer, []).append(each)
        for name, some in found.items():
            behind.add_metric([name], max((each.behind or 0.0 for each in some), default=0.0))
            dead.add_metric([name], sum(each.dead for each in some))
        late = GaugeMetricFamily(
            "brubeck_webhook_behind_seconds",
            "Seconds between the last delivered change and the last one, of the last subscription.",
            labels=["path"],
        )
        number = GaugeMetricFamily(
            "brubeck_webhook_subscriptions", "Subscriptions.", labels=["path", "state"]
        )
        for hooks in webhook_backlogs(self._program, _MOST):
            late.add_metric([hooks.path], hooks.behind)
            active = hooks.subscriptions - hooks.paused
            for state, count in (("active", active), ("paused", hooks.paused)):
                number.add_metric([hooks.path, state], count)
            number.add_metric([hooks.path, "failing"], hooks.failing)
        yield from (each for each in (behind, dead, late, number) if each.samples)
