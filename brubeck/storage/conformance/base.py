"""The base of every part of the suite: an empty storage, a stream of it, and a walk along it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings

from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.contract import RecordStream, Storage
from brubeck.storage.records import (
    ChangesQuery,
    PageQuery,
    Put,
    TimelineCursor,
)
from brubeck.timekeeping import Clock, HeldClock

START = 1_700_000_000_000_000
HISTORIES = int(os.environ.get("CONFORMANCE_HISTORIES", "60"))
"""How many random histories are tried; a number to raise for a long look."""
RELAXED = settings(
    deadline=None,
    max_examples=min(HISTORIES, 40),
    # The same tests run for each storage of a program, each with its own instance.
    suppress_health_check=list(HealthCheck),
)


class Suite(ABC):
    """A part of the suite."""

    @abstractmethod
    def make_storage(self, clock: Clock) -> Storage:
        """Return a new, empty storage that takes the time from this clock."""

    @abstractmethod
    def another(self, storage: Storage, clock: Clock) -> Storage:
        """Return the same place as another process opens it; itself, if it is not shared."""

    @contextmanager
    def stream(self, clock: Clock | None = None) -> Iterator[RecordStream]:
        """Open a stream of a new storage, and close the storage afterwards."""
        storage = self.make_storage(clock or HeldClock(START))
        try:
            yield storage.records("quakes", SCHEMA)
        finally:
            storage.close()


def replacing(item_id: str, created_at: int, expected: int, **values: Any) -> Put:
    """Return a write that replaces an item."""
    return put_new(item_id, created_at, expected=expected, **values)


def walk(
    stream: RecordStream, *, start: TimelineCursor | None = None, **query: Any
) -> list[tuple[int, str]]:
    """Return the keys of a whole walk, page by page."""
    keys: list[tuple[int, str]] = []
    while True:
        page = stream.page(PageQuery(start=start, **query))
        assert len(page.records) <= query["limit"]
        keys += [(record.created_at, record.id) for record in page.records]
        if page.stopped is None:
            return keys
        start = page.stopped


def onward(query: ChangesQuery, found: Any) -> ChangesQuery:
    """Return the step that goes on where another ended."""
    return msgspec.structs.replace(query, after=found.position, era=found.era, began=found.began)
