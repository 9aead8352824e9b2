"""The values that pass between a stream and its storage: writes, records, queries, answers.

Times are milliseconds and positions microseconds since the epoch. A body is the canonical JSON of
the whole item, kept and given back byte for byte; see `brubeck.storage.canonical`.

These values refer to nothing that could refer to them, so the collector of cyclic garbage need not
look through the many that a storage holds (``gc=False``).
"""

from __future__ import annotations

import secrets
from typing import Final, Literal, TypeAlias

import msgspec

Scalar: TypeAlias = str | int | float | bool
Operator: TypeAlias = Literal["eq", "gt", "gte", "lt", "lte", "in", "within"]
Reason: TypeAlias = Literal["exists", "missing", "moved"]


class Put(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Write an item: a new one, or the next version of one.

    ``expected`` is the position at which the item must stand now; None means that it may not be
    live, and a new life begins. ``created_at`` is that of the new life; in the life of an item it
    never changes, and is ignored. ``token``
    names this write: the same write may be sent again and happens once.
    """

    id: str
    created_at: int
    body: bytes
    token: str
    expected: int | None = None


class Delete(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Delete a live item and leave a tombstone; ``expected`` None takes it wherever it stands."""

    id: str
    token: str
    expected: int | None = None


Write: TypeAlias = Put | Delete


class Written(msgspec.Struct, frozen=True, gc=False):
    """A write that happened, and the position it was given, now or when it was first sent."""

    position: int


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A write that did not happen.

    ``exists``: the id is live. ``missing``: it is not. ``moved``: it stands elsewhere than
    expected. ``position`` is where the item stands, if anywhere.
    """

    reason: Reason
    position: int | None = None


Outcome: TypeAlias = Written | Refused


class Record(msgspec.Struct, frozen=True, gc=False):
    """A live item as it stands.

    ``version`` counts the writes of this life of the item: 1 is that which began it. An item that
    was written before versions were counted begins with 1, too.
    """

    id: str
    created_at: int
    position: int
    body: bytes
    version: int = 1


class Tombstone(msgspec.Struct, frozen=True, gc=False):
    """The id and position of a deleted item until it is purged."""

    id: str
    position: int


class TimelineCursor(msgspec.Struct, frozen=True, gc=False):
    """A place in the timeline; without an id, the whole of a millisecond."""

    created_at: int
    id: str | None = None


class FieldCondition(msgspec.Struct, frozen=True, gc=False):
    """One demand on one indexed field; ``in`` takes a tuple of values.

    ``within`` takes the bounds of ranges, ``(low, high, low, high, …)``: a value meets it that lies
    in any of them, on a bound too.

    A field that holds a list meets a condition when any of its members does; one that holds
    nothing meets none.
    """

    name: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values that the condition names; one, unless it takes several."""
        return self.value if isinstance(self.value, tuple) else (self.value,)


class PageQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A step along the timeline.

    From ``start`` (exclusive; a place without an id excludes its whole millisecond) upwards in
    time, or downwards if ``descending``, within ``since`` (inclusive) and ``until`` (exclusive). A
    ``viewer`` is shown only what is in its sight; None sees everything.
    """

    limit: int
    descending: bool = True
    start: TimelineCursor | None = None
    since: int | None = None
    until: int | None = None
    where: tuple[FieldCondition, ...] = ()
    viewer: str | None = None


UNBORN: Final = "0"
"""The era of a stream to which nothing has been written. A reader in it has seen nothing, and so
stands at the beginning of the stream, whatever era that begins in."""


class Head(msgspec.Struct, frozen=True, gc=False):
    """The end of a stream's change order now, and the horizon below which it has been purged.

    ``floor`` is a position that the clock gave and no write: none will be given that or a lower
    one any more. It does not reveal when others have written.
    """

    position: int
    era: str
    horizon: int = 0
    floor: int = 0


class Page(msgspec.Struct, frozen=True, gc=False):
    """The records of a step, in its direction.

    ``stopped`` is the place to go on from; None only when nothing lies beyond. ``head`` is where
    the change order ended no later than when the first record was read: a reader
    from there misses nothing that this step did not show.
    """

    records: list[Record]
    stopped: TimelineCursor | None
    head: Head

    def follow(self, viewer: str | None) -> int:
        """Return the position to follow from; a viewer's reveals nothing of others' writes.

        It is the floor, or the last change of an item that the viewer is shown here, which it
        knows anyway: all else that changed before is shown by the pages as it was then.
        """
        if viewer is None:
            return self.head.position
        last = self.head.position
        shown = [record.position for record in self.records if record.position <= last]
        return max([self.head.floor, *shown])


class ChangesQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A step along the change order, from ``after`` (exclusive; None is the beginning).

    ``era`` is the one that the position was given in; None means the present one. ``began`` is what
    the first step of a walk from the beginning answered: such a reader knows no item that was
    deleted before, so a purge up to there takes nothing from it.
    """

    limit: int
    after: int | None = None
    era: str | None = None
    began: int = 0
    where: tuple[FieldCondition, ...] = ()
    viewer: str | None = None


class Change(msgspec.Struct, frozen=True, gc=False):
    """The latest change of an item: its record, or None when it is deleted or out of sight."""

    position: int
    id: str
    record: Record | None


class Changes(msgspec.Struct, frozen=True, gc=False):
    """The changes of a step, in order.

    ``position`` is the place to go on from, past everything that was looked at; ``caught_up`` says
    that it was the head. ``began`` is where the head was when a walk from the beginning set out,
    0 for any other; it goes into the next query as long as it is past ``position``. ``head`` is how
    far was looked, for `Queryset.wait` alone: to a viewer it would tell when others write.
    """

    changes: list[Change]
    position: int
    era: str
    caught_up: bool
    began: int = 0
    head: int = 0


class Count(msgspec.Struct, frozen=True, gc=False):
    """A number of items; when not ``exact``, a lower bound."""

    total: int
    exact: bool


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """The recorded state of a request that may be sent again.

    ``digest`` and ``plan`` are those of its first sending. ``answer`` is None as long as it has
    none; then ``ours`` says that the caller has to carry out the plan, because no other attempt
    was made or the lease of the last one has ended.
    """

    digest: bytes
    plan: bytes
    answer: bytes | None
    ours: bool


def fresh_era() -> str:
    """Return the name of a new era: one unbroken history of a storage."""
    return secrets.token_hex(4)
