"""The views of viewers, in memory: two orders each, as the stream itself has.

A viewer's own change order has an entry for each item that it may see or might have seen: at the
item's latest change as long as it is in sight, else at the one that took it out, a *departure*. So
an entry shows the item when it stands there still, and shows it as gone otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable

from brubeck.storage.sorted_keys import SortedKeys
from brubeck.storage.timeline import Key

_LAST_ID = "\U0010ffff"


class View:
    """The two orders of one viewer."""

    __slots__ = ("_changes", "_positions", "horizon", "timeline")

    def __init__(self) -> None:
        self.timeline: SortedKeys[Key] = SortedKeys()
        self._changes: SortedKeys[tuple[int, str]] = SortedKeys()
        self._positions: dict[str, int] = {}
        self.horizon = 0
        """The last position at which a deletion or a departure was purged."""

    @property
    def is_empty(self) -> bool:
        """Whether the view has no entry."""
        return not self._positions

    def last(self) -> int:
        """Return the position of the last change, 0 without any."""
        last = self._changes.last()
        return 0 if last is None else last[0]

    def move(self, item_id: str, position: int) -> None:
        """Let an item's latest change that concerns the viewer be there."""
        self.forget(item_id)
        self._positions[item_id] = position
        self._changes.add((position, item_id))

    def forget(self, item_id: str) -> None:
        """Leave an item out of the changes."""
        if item_id in self._positions:
            self._changes.remove((self._positions.pop(item_id), item_id))

    def above(self, position: int, count: int) -> list[tuple[int, str]]:
        """Return the first changes above a position, as (position, id)."""
        return self._changes.above((position, _LAST_ID), count)


class Visibility:
    """Every viewer's view."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}

    def of(self, viewer: str) -> View:
        """Return the view of a viewer, which may be empty."""
        return self._views.get(viewer) or View()

    def place(self, key: Key, viewers: Iterable[str]) -> None:
        """Put an item into the timelines of its viewers."""
        for viewer in viewers:
            self._views.setdefault(viewer, View()).timeline.add(key)

    def remove(self, key: Key, viewers: Iterable[str]) -> None:
        """Remove an item from the timelines of its former viewers."""
        for viewer in viewers:
            self._views[viewer].timeline.remove(key)

    def move(self, item_id: str, position: int, viewers: Iterable[str]) -> None:
        """Move an item to a position in the change orders of its present and former viewers."""
        for viewer in viewers:
            self._views.setdefault(viewer, View()).move(item_id, position)

    def viewers(self) -> list[str]:
        """Return the viewers that have a view."""
        return list(self._views)

    def tidy(self, viewer: str, since: int) -> None:
        """Delete the view of a viewer if it is empty, and had nothing purged since a position."""
        view = self._views.get(viewer)
        if view is not None and view.is_empty and view.horizon < since:
            del self._views[viewer]
