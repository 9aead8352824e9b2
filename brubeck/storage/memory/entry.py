"""The entry of an id in a stream in memory."""

from __future__ import annotations

import msgspec

from brubeck.storage.history import WriteHistory
from brubeck.storage.records import Record
from brubeck.storage.schema import Values


class Entry(msgspec.Struct, gc=False):
    """The entry of one id: its record or tombstone, and the history of its writes."""

    past: WriteHistory
    record: Record | None = None
    position: int = 0
    values: dict[str, Values] = {}
    viewers: frozenset[str] = frozenset()
    """The viewers of the item; those of a tombstone are the viewers of its last version."""

    def take(self, values: dict[str, Values]) -> None:
        """Take new values, and remember those that readers may have seen."""
        if self.values:
            self.past.replace(self.values, values)
        self.values = values
