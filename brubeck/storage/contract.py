"""The contract of every storage: its operations, and their promises.

A `Storage` is one database that holds streams, opened once a process. A `RecordStream` is one
stream of it. Their promises are G1 to G9 of the design; `brubeck.storage.conformance` tests them,
and everything that passes it is a storage.

Two orders rule a stream. The *timeline* is ``(created_at, id)``; pages walk it. The *change order*
is the position that the storage gives with every write: unique, and increasing in the order in
which writes become visible, so that a reader that has read up to a position never has anything
appear behind it. An item stands in it once, at its latest change; a deleted one as a tombstone.

Where a schema names the fields that hold the viewers of a record, a *viewer* may read: its pages
and changes are those of the stream that it may see, as if there were no other, and no position
that it is shown comes from a write it may not see.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from brubeck.storage.records import (
    Attempt,
    Changes,
    ChangesQuery,
    Count,
    Head,
    Outcome,
    Page,
    PageQuery,
    Record,
    Tombstone,
    Write,
)
from brubeck.storage.schema import RecordSchema
from brubeck.timekeeping import SYSTEM_CLOCK, Clock


class RecordStream(ABC):
    """One stream of records.

    Every method may raise `Unavailable`. A record is canonical before it comes here, and every
    field of a condition is one that the schema calls indexed.
    """

    @abstractmethod
    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself, in order, and return the outcome of each.

        Each is atomic and none depends on another's success. A write whose token the record still
        remembers has happened: it is not done again, and its first outcome is returned. Raises
        `NotCanonical`, and does none of them, where one has more values of an indexed field than
        `MAX_VALUES`: see `RecordSchema.check_writes`.
        """

    @abstractmethod
    def get(self, ids: Sequence[str], viewer: str | None = None) -> list[Record | Tombstone | None]:
        """Return the entry of each id: its record, its tombstone, or None.

        A viewer gets only the records in its sight, and the tombstones of items that were in it
        when they were deleted.
        """

    @abstractmethod
    def page(self, query: PageQuery) -> Page:
        """Take a step along the timeline; O(log n + limit) at any depth.

        A filter that matches rarely is scanned in bounded steps, so a page may hold less than its
        limit and still say where to go on.
        """

    def page_unless(self, query: PageQuery, head: Head) -> Page | None:
        """Take a step along the timeline, or return None when the stream still stands at a head."""
        return None if self.head() == head else self.page(query)

    @abstractmethod
    def changes(self, query: ChangesQuery) -> Changes:
        """Take a step along the change order.

        With conditions, an item that meets them is shown; one that does not, but of which a reader
        may have seen a version that did, is shown as gone; any other is passed over. A viewer is
        shown what is in its sight, and as gone what a write took out of it, at that write's
        position. Raises `LostCursor` for a place whose history is gone.
        """

    @abstractmethod
    def head(self) -> Head:
        """Return where the change order ends now."""

    @abstractmethod
    def wait(self, after: int, seconds: float) -> bool:
        """Wait until the head is past a position, and return whether it is within the time."""

    @abstractmethod
    def count(self, query: PageQuery) -> Count:
        """Count the records that a walk would show, looking at no more of them than its limit."""

    @abstractmethod
    def purge(self, until: int) -> int:
        """Forget the tombstones up to a position, and return how many.

        The horizon is raised, durably, before the first is forgotten: from then on a reader that
        stands below it has lost its place.
        """


class Storage(ABC):
    """One place where streams live."""

    shared: ClassVar[bool] = True
    """Whether several processes see the same streams."""

    @classmethod
    @abstractmethod
    def from_url(cls, url: str, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Return the storage at a URL, not connected yet; `ConfigError` for a bad URL."""

    @abstractmethod
    def records(self, name: str, schema: RecordSchema) -> RecordStream:
        """Return the stream of a name; opened here once however often it is asked for."""

    @abstractmethod
    def new_era(self) -> str:
        """Begin a new era, as after a restored backup, and return its name."""

    @abstractmethod
    def hit(self, key: str, window: float) -> int:
        """Count one more hit on a key and return how many there are.

        The first hit begins a window of so many seconds; after it the count begins again.
        """

    @abstractmethod
    def attempt(
        self, key: str, digest: bytes, plan: bytes, *, lease: float, keep: float
    ) -> Attempt:
        """Record, durably, that a request is about to be carried out, and return its attempt.

        The first attempt with a key has its digest and plan kept for ``keep`` seconds, and
        ``lease`` seconds to conclude it; then the next attempt has to carry out that plan.
        """

    @abstractmethod
    def conclude(self, key: str, answer: bytes | None) -> None:
        """Record the answer of an attempt; None releases it for the next attempt."""

    @abstractmethod
    def streams(self, prefix: str = "") -> list[str]:
        """Return the names of the streams that have ever been written to, in order."""

    def heads(self, prefix: str = "") -> dict[str, Head]:
        """Return, by their names, the heads of the streams that have ever been written to.

        A look at all of them for little: a head is what the last write left, and is another after
        each. A stream that another process has begun may be missing for some seconds where there is
        very much beside the streams.
        """
        return {name: self.records(name, RecordSchema({})).head() for name in self.streams(prefix)}

    @abstractmethod
    def close(self) -> None:
        """Release the resources of the storage; readers that wait end."""
