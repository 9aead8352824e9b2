"""Places in the change order: which are lost, and where a step has come to."""

from __future__ import annotations

from typing import Final

from brubeck.storage.errors import LostPlace
from brubeck.storage.records import Change, Changes, ChangesQuery, Head
from brubeck.storage.sizes import fitting

SCAN: Final = 5000
"""How many entries one step looks at before it says where it stopped."""
TICK: Final = 1_000_000
"""Microseconds from one place of the floor to the next: it stands where the clock's tick began."""


def next_floor(head: Head, now: int) -> int:
    """Return the floor that a viewer is to be shown: from the clock, or where a purge has come to.

    A viewer that reads moves it to where the present tick began, whoever has read or written
    meanwhile: it would tell when they did, were it the moment of a read. A clock that is behind the
    head has nothing to say: the floor stays where it is.
    """
    tick = now - now % TICK if now > head.position else 0
    return max(tick, head.floor, head.horizon)


def check_place(query: ChangesQuery, head: Head) -> None:
    """Raise `LostPlace` when what came after a place is not all known any more.

    The head has to be as of the read of the changes or later, so that no purge falls between.
    """
    if query.era is not None and query.era != head.era:
        raise LostPlace("The position belongs to another era of this storage.")
    place = max(query.after or 0, query.began)
    if place > max(head.position, head.floor):
        raise LostPlace("The position lies past the end of the changes.")
    if query.after is not None and place < head.horizon:
        raise LostPlace("The changes after this position have been purged.")


def reached(
    query: ChangesQuery, found: list[Change], position: int, head: Head, *, ended: bool
) -> Changes:
    """Return a step that came to a position; ``ended`` says that the change order ended there.

    Who has caught up stands at the head, also past what a purge has taken from the order's end. A
    viewer stands at its own last change or at the floor, and is not told of any other. A step
    ends before that with the change that fills it (see `brubeck.storage.sizes`).
    """
    kept = fitting([0 if each.record is None else len(each.record.body) for each in found])
    if kept < len(found):
        found, position, ended = found[:kept], found[kept - 1].position, False
    caught_up = ended or (query.viewer is None and position >= head.position)
    end = head.position if query.viewer is None else head.floor
    place = max(end, position) if caught_up else position
    began = end if query.after is None else query.began
    return Changes(found, place, head.era, caught_up, began, head.position)
