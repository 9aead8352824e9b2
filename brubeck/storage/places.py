"""Places in the change order: which are lost, and where a step has come to."""

from __future__ import annotations

from typing import Final

from brubeck.storage.errors import LostPlace
from brubeck.storage.records import Change, Changes, ChangesQuery, Head

SCAN: Final = 5000
"""How many entries one step looks at before it says where it stopped."""


def check_place(query: ChangesQuery, head: Head) -> None:
    """Raise `LostPlace` when what came after a place is not all known any more.

    The head has to be as of the read of the changes or later, so that no purge falls between.
    """
    if query.era is not None and query.era != head.era:
        raise LostPlace("The position belongs to another era of this storage.")
    place = max(query.after or 0, query.began)
    if place > head.position:
        raise LostPlace("The position lies past the end of the changes.")
    if query.after is not None and place < head.horizon:
        raise LostPlace("The changes after this position have been purged.")


def reached(
    query: ChangesQuery, found: list[Change], position: int, head: Head, *, ended: bool
) -> Changes:
    """Return a step that came to a position; ``ended`` says that the change order ended there.

    Who has caught up stands at the head, also past what a purge has taken from the order's end.
    """
    caught_up = ended or position >= head.position
    place = max(head.position, position) if caught_up else position
    began = head.position if query.after is None else query.began
    return Changes(found, place, head.era, caught_up, began)
