"""A copy of a stream: read all of it, apply every change, and read it again when its place is lost.

The copy that a user sees is always complete: a new one takes the place of the former when all pages
and the changes since the first page are in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass
from functools import partial

from brubeck.client.answers import Change, Item, Page
from brubeck.client.errors import Closed, HistoryLost
from brubeck.client.following import Follower
from brubeck.client.operations import StreamUrl, pages, unavailable
from brubeck.client.query import Pairs
from brubeck.client.retries import RetryPolicy
from brubeck.client.steps import Emit, Failure, Pause, Steps, collect

log = logging.getLogger("brubeck.client")

PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class Replacement:
    """A complete copy that takes the place of the former: items by their ids, and its cursor."""

    items: dict[str, Item]
    cursor: str


CopyStep = Replacement | Change


def copy_steps(
    url: StreamUrl,
    pairs: Pairs,
    policy: RetryPolicy,
    follower: Callable[[str, RetryPolicy], Follower],
) -> Steps[None]:
    """Emit a `Replacement`, then each `Change`, and again after every lost place.

    ``follower`` makes the reader that starts at a cursor. The first copy is bounded by the policy,
    later ones take as long as they take.
    """
    lost = policy.start()
    while True:
        try:
            items, cursor = yield from _read(url, pairs, policy)
            reader = follower(cursor, policy)
            yield from _catch_up(reader, items, policy)
            yield Emit(Replacement(items, reader.cursor or cursor))
            policy = reader.policy = policy.endless()
            lost = policy.start()
            yield from reader.steps()
        except HistoryLost as reason:
            log.warning("%s", reason)
            pause = lost.pause(Failure(str(reason)))
            if pause is None:
                raise
            yield Pause(pause)


def _read(url: StreamUrl, pairs: Pairs, policy: RetryPolicy) -> Steps[tuple[dict[str, Item], str]]:
    """Return every item by its id, and the oldest change cursor of all pages.

    A shared cache may give a later page that is older than the first; what changed between the two
    is received again from there. Raises `HistoryLost` for pages of more than one era.
    """
    items: dict[str, Item] = {}
    cursors: list[str] = []

    def receive(page: Page) -> None:
        items.update((item.id, item) for item in page.items)
        cursors.append(page.cursor)
        if page.cursor.partition("~")[2] != cursors[0].partition("~")[2]:
            raise HistoryLost(url.base, page.cursor)
        cursors[:] = [min((cursors[0], cursors[-1]), key=_position)]

    walk = pages(url, [*pairs, ("limit", str(PAGE_SIZE))], policy)
    yield from collect(walk, receive)
    return items, cursors[0]


def _position(cursor: str) -> int:
    return int(cursor.partition("~")[0])


def _catch_up(reader: Follower, items: dict[str, Item], policy: RetryPolicy) -> Steps[None]:
    """Apply the changes since the pages were read.

    Raises `Unavailable` for a server that says that there is more, again and again, but sends none.
    """
    retries, before = policy.start(), reader.cursor
    while not (yield from collect(reader.look(), partial(apply, items))):
        if reader.cursor != before:
            retries, before = policy.start(), reader.cursor
            continue
        failure = Failure("the server sends no further changes, and says that there are")
        pause = retries.pause(failure)
        if pause is None:
            raise unavailable(reader.url.request("GET", "/changes"), failure, retries.failures)
        yield Pause(pause)


def apply(items: dict[str, Item], change: Change) -> None:
    """Apply a change to items by their ids."""
    if change.item is None:
        items.pop(change.id, None)
    else:
        items[change.id] = change.item


class Copy(Mapping[str, Item]):
    """A read-only mapping of the items of a stream by their ids, and the place of that state.

    Keys, values and items are those of one moment. After an error every look raises it, since the
    copy would no longer be right; after `close` the last copy is still there.
    """

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._error: Exception | None = None
        self._ended = False
        self.version = 0
        """A number that grows with every change of the copy."""
        self.cursor: str | None = None
        """The change cursor of the copy; None before it was read."""

    @property
    def position(self) -> int:
        """The position of the copy; -1 before it was read."""
        return -1 if self.cursor is None else int(self.cursor.partition("~")[0])

    def __getitem__(self, item_id: str) -> Item:
        return self._present()[item_id]

    def __len__(self) -> int:
        return len(self._present())

    def __iter__(self) -> Iterator[str]:
        return iter(self.snapshot())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._present()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._items)} items>"

    def keys(self) -> KeysView[str]:
        """Return the ids of one moment."""
        return self.snapshot().keys()

    def values(self) -> ValuesView[Item]:
        """Return the items of one moment."""
        return self.snapshot().values()

    def items(self) -> ItemsView[str, Item]:
        """Return the ids and items of one moment."""
        return self.snapshot().items()

    def snapshot(self) -> dict[str, Item]:
        """Return the items of one moment by their ids."""
        return self._present().copy()

    def _present(self) -> dict[str, Item]:
        if self._error is not None:
            raise self._error
        return self._items

    def take(self, step: CopyStep) -> None:
        """Take a step of `copy_steps`."""
        if isinstance(step, Replacement):
            self._items = step.items
        else:
            apply(self._items, step)
        self.cursor = step.cursor
        self.version += 1

    def _fail(self, error: Exception) -> None:
        """Note the error that ended the copy; every look raises it."""
        log.error("the mirror ended: %s", error)
        self._error = error

    def _outcome(self, condition: Callable[[Copy], object], *, is_in_time: bool) -> bool:
        """Return the result of a wait for a condition, or raise what ended the copy."""
        if self._error is not None:
            raise self._error
        if self._ended and not condition(self):
            raise Closed
        return is_in_time
