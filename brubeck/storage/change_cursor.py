"""Places in the change order: which are lost, and where a step has come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from brubeck.storage.errors import LostCursor
from brubeck.storage.records import UNBORN, Change, Changes, ChangesQuery, Head
from brubeck.storage.sizes import fitting

CHANGES_PER_STEP: Final = 5000
"""How many entries one step looks at before it says where it stopped."""
TICK: Final = 1_000_000
"""Microseconds from one place of the floor to the next: it stands where the clock's tick began."""
AHEAD: Final = 3_600_000_000
"""How far past its own end a viewer's position may lie: another process may have a fast clock."""

KEPT: Final = 366 * 86_400 * 1_000_000
"""How far behind the clock a viewer's position may lie; for so long its own horizon is kept.

Without a limit, every viewer that was ever named as a reader would leave a horizon for ever.
"""


def next_floor(head: Head, now: int) -> int:
    """Return the floor that a stream has to keep before a viewer is shown `viewer_floor`.

    Where the head or the floor is past the present tick, no later write is given a position before
    it anyway, and nothing has to be kept. Nor has it before the first write: a reader from
    there follows from the beginning.
    """
    tick = now - now % TICK
    kept = not head.position or tick <= max(head.position, head.floor)
    return head.floor if kept else tick


def viewer_head(head: Head, horizon: int, now: int) -> Head:
    """Return the head that a viewer is shown: nothing in it depends on the writes of others.

    Its horizon is the viewer's own, or the oldest that is kept. Its floor is where the present tick
    of the clock began, or the own horizon; ``head`` is kept past it, see `next_floor`. The position
    is for waiting alone.
    """
    tick = now - now % TICK
    kept = max(head.position, head.floor)
    # It is past what is kept only where the floor could not be written.
    floor = tick if tick <= kept or not head.position else head.floor
    return Head(head.position, head.era, max(horizon, tick - KEPT), max(floor, horizon))


def unborn_head(viewer: str | None, now: int) -> Head:
    """Return the head of a stream to which nothing has been written, as it is shown."""
    head = Head(0, UNBORN)
    return head if viewer is None else viewer_head(head, 0, now)


def no_changes(query: ChangesQuery, now: int) -> Changes:
    """Return a step of a stream to which nothing has been written; `LostCursor` as elsewhere."""
    head = unborn_head(query.viewer, now)
    check_cursor(query, head, lambda: 0)
    return reached(query, [], query.after or 0, head, ended=True)


def since_birth(query: ChangesQuery) -> ChangesQuery:
    """Return a query from before the stream's first write as one from the stream's start."""
    if query.era != UNBORN:
        return query
    return msgspec.structs.replace(query, after=None, era=None, began=0)


def check_cursor(query: ChangesQuery, head: Head, last: Callable[[], int]) -> None:
    """Raise `LostCursor` when the changes after a position are not all kept any more.

    The head has to be as of the read of the changes or later, so that no purge falls between. A
    viewer's is its `viewer_head`, and its place is compared with nothing else but ``last``, which
    returns the position of the last change that concerns it.
    """
    if query.era is not None and query.era != head.era:
        raise LostCursor("The position belongs to another era of this storage.")
    place = max(query.after or 0, query.began)
    if query.viewer is None:
        past_end = place > max(head.position, head.floor)
    else:
        past_end = place > head.floor + AHEAD and place > last()
    if past_end:
        raise LostCursor("The position lies past the end of the changes.")
    if query.after is not None and place < head.horizon:
        raise LostCursor("The changes after this position have been purged.")


def reached(
    query: ChangesQuery, found: list[Change], position: int, head: Head, *, ended: bool
) -> Changes:
    """Return a step that came to a position; ``ended`` says that the change order ended there.

    A reader that has caught up stands at the head, also past purged changes at the order's end. A
    viewer stands at its own last change or at the floor, and learns of no other. A step ends
    before that with the change that fills it (see `brubeck.storage.sizes`).
    """
    kept = fitting([0 if each.record is None else len(each.record.body) for each in found])
    if kept < len(found):
        found, position, ended = found[:kept], found[kept - 1].position, False
    caught_up = ended or (query.viewer is None and position >= head.position)
    end = head.position if query.viewer is None else head.floor
    place = max(end, position) if caught_up else position
    began = end if query.after is None else query.began
    return Changes(found, place, head.era, caught_up, began, head.position)
