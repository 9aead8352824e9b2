"""A stream in memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Protocol, cast

from brubeck import green
from brubeck.green import Lock
from brubeck.green.waking import FairCondition
from brubeck.storage.change_cursor import (
    CHANGES_PER_STEP,
    KEPT,
    check_cursor,
    next_floor,
    reached,
    since_birth,
    viewer_head,
)
from brubeck.storage.conditions import meets
from brubeck.storage.contract import RecordStream
from brubeck.storage.history import WriteHistory, refusal
from brubeck.storage.indexing import IndexSet
from brubeck.storage.memory.entry import Entry
from brubeck.storage.memory.visibility import View, Visibility
from brubeck.storage.records import (
    UNBORN,
    Change,
    Changes,
    ChangesQuery,
    Count,
    Delete,
    Head,
    Outcome,
    Page,
    PageQuery,
    Put,
    Record,
    TimelineCursor,
    Tombstone,
    Write,
    Written,
)
from brubeck.storage.schema import RecordSchema, Values
from brubeck.storage.sizes import STEP_BYTES, bounded
from brubeck.storage.sorted_keys import SortedKeys
from brubeck.storage.timeline import Key, key_range
from brubeck.timekeeping import Clock

WORK: Final = 1000
"""How many items, or viewers of one, are written or purged before others are served."""


class Owner(Protocol):
    """The storage of a stream, as far as the stream goes."""

    clock: Clock
    era: str
    kept: set[MemoryRecordStream]
    """The streams that were written to."""

    def check_open(self) -> None:
        """Raise `Unavailable` once the storage is closed."""


class MemoryRecordStream(RecordStream):
    """One stream in memory."""

    def __init__(self, storage: Owner, schema: RecordSchema) -> None:
        self._storage = storage
        self._indexes = IndexSet()
        self._extract = schema.extract
        self._entries: dict[str, Entry] = {}
        self._timeline: SortedKeys[Key] = SortedKeys()
        self._order: SortedKeys[int] = SortedKeys()
        self._at: dict[int, str] = {}  # position → id
        self._visibility = Visibility()
        self._head = 0
        self._horizon = 0
        self._floor = 0
        self._largest = 0
        """The length of the longest body that was ever written: most pages are surely small."""
        self._lock = Lock()
        self._written = FairCondition(self._lock)

    def index(self, schema: RecordSchema) -> None:
        """Add the indexes that a schema declares and the stream lacks."""
        with self._lock:
            wider = self._indexes.including(schema)
            if wider is None:
                return
            wider = wider.built(wider.building)  # below, before anybody asks
            self._indexes, self._extract = wider, wider.schema.extract
            for entry in self._entries.values():
                if entry.record is not None:
                    entry.values = self._extract(entry.record.body)
                    viewers = wider.schema.viewers(entry.values)
                    if entry.past.former:
                        entry.past.admit(entry.viewers, viewers)
                    self._show(entry, entry.record, viewers)
                    self._visibility.move(entry.record.id, entry.position, entry.viewers)

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself; see `RecordStream.write`."""
        self._storage.kept.add(self)
        self._indexes.schema.check_writes(writes)
        outcomes: list[Outcome] = []
        while len(outcomes) < len(writes):
            with self._written:
                self._storage.check_open()
                try:
                    self._write_some(writes, outcomes)
                finally:
                    self._written.notify_all()
            if len(outcomes) < len(writes):
                green.take_turn()
        return outcomes

    def _write_some(self, writes: Sequence[Write], outcomes: list[Outcome]) -> None:
        """Do some more of many writes: each viewer of an item is as much work as an item."""
        done = 0
        while done < WORK and len(outcomes) < len(writes):
            write = writes[len(outcomes)]
            outcomes.append(self._write(write))
            entry = self._entries.get(write.id)
            done += 1 if entry is None else 1 + len(entry.viewers)

    def _write(self, write: Write) -> Outcome:
        entry = self._entries.get(write.id)
        if entry is not None and (happened := entry.past.outcome_of(write.token)):
            return happened
        refused = refusal(
            write,
            live=entry is not None and entry.record is not None,
            position=entry.position if entry is not None else None,
        )
        if refused is not None:
            return refused
        # A body that cannot be indexed fails here, before anything has changed.
        values = self._extract(write.body) if isinstance(write, Put) else {}
        if entry is None:
            entry = self._entries[write.id] = Entry(WriteHistory())
        if isinstance(write, Delete):
            self._make_tombstone(entry)
        else:
            self._store(entry, write, values)
        entry.past.remember(write.token, entry.position)
        return Written(entry.position)

    def _store(self, entry: Entry, put: Put, values: dict[str, Values]) -> None:
        if entry.record is None:
            self._timeline.add((put.created_at, put.id))
        concerned, begins = entry.viewers, not entry.position
        entry.take(values)
        self._move(entry, put.id)
        created_at, version = put.created_at, 1
        if (former := entry.record) is not None:
            # In the life of an item its time never changes, whatever a write says.
            created_at, version = former.created_at, former.version + 1
        if len(put.body) > self._largest:
            self._largest = len(put.body)
        record = Record(put.id, created_at, entry.position, put.body, version)
        viewers = self._indexes.schema.viewers(values)
        if not (concerned or viewers):  # an item of a stream in which everybody sees all
            entry.record = record
            return
        if not begins:
            entry.past.admit(concerned, viewers)
        self._show(entry, record, viewers)
        self._visibility.move(put.id, entry.position, concerned | viewers)

    def _make_tombstone(self, entry: Entry) -> None:
        record = entry.record
        if record is not None:
            self._timeline.remove((record.created_at, record.id))
            self._visibility.remove((record.created_at, record.id), entry.viewers)
            entry.take({})
            self._move(entry, record.id)
            self._visibility.move(record.id, entry.position, entry.viewers)
            entry.record = None

    def _show(self, entry: Entry, record: Record, viewers: frozenset[str]) -> None:
        """Let a record be in the sight of its viewers, and of nobody else."""
        key = (record.created_at, record.id)
        seeing = entry.viewers if entry.record is not None else frozenset()
        self._visibility.remove(key, seeing - viewers)
        self._visibility.place(key, viewers - seeing)
        entry.record, entry.viewers = record, viewers

    def _move(self, entry: Entry, item_id: str) -> None:
        """Move an entry to the next position of the change order, independent of the clock."""
        if entry.position:
            self._order.remove(entry.position)
            del self._at[entry.position]
        now = self._storage.clock.micros()
        self._head = entry.position = max(self._head + 1, self._floor + 1, now)
        self._order.add(self._head)
        self._at[self._head] = item_id

    def get(self, ids: Sequence[str], viewer: str | None = None) -> list[Record | Tombstone | None]:
        """Return the entry of each id; see `RecordStream.get`."""
        with self._lock:
            self._storage.check_open()
            return [self._get(item_id, viewer) for item_id in ids]

    def _get(self, item_id: str, viewer: str | None) -> Record | Tombstone | None:
        entry = self._entries.get(item_id)
        if entry is None or (viewer is not None and viewer not in entry.viewers):
            return None
        return entry.record or Tombstone(item_id, entry.position)

    def page(self, query: PageQuery) -> Page:
        """Take a step along the timeline; see `RecordStream.page`."""
        with self._lock:
            self._storage.check_open()
            head = self._head_for(query.viewer)
            if query.where:
                return self._filtered(query, head)
            keys = self._keys(query, query.limit + 1)
            more = len(keys) > query.limit
            if more:
                keys.pop()
            entries = self._entries
            records = [entries[key[1]].record for key in keys]
            stopped = TimelineCursor(*keys[-1]) if more else None
            page = Page(cast("list[Record]", records), stopped, head)
            return page if len(records) * self._largest < STEP_BYTES else bounded(page)

    def _filtered(self, query: PageQuery, head: Head) -> Page:
        """Take a step that looks at each entry, and at no more than a number of them."""
        keys = self._keys(query, max(CHANGES_PER_STEP, query.limit) + 1)
        records: list[Record] = []
        for index, (_, item_id) in enumerate(keys):
            if len(records) == query.limit or index == max(CHANGES_PER_STEP, query.limit):
                return bounded(Page(records, TimelineCursor(*keys[index - 1]), head))
            entry = self._entries[item_id]
            if entry.record is not None and meets(query.where, entry.values):
                records.append(entry.record)
        return bounded(Page(records, None, head))

    def _keys(self, query: PageQuery, count: int) -> list[Key]:
        """Return the first keys of a query's stretch, in its direction."""
        low, high = key_range(query)
        viewer = query.viewer
        timeline = self._timeline if viewer is None else self._visibility.of(viewer).timeline
        if query.descending:
            keys = timeline.below(high, count)
            inside = not keys or keys[-1] >= low
        else:
            keys = timeline.above(low, count, inclusive=True)
            inside = not keys or keys[-1] < high
        return keys if inside else [key for key in keys if low <= key < high]

    def changes(self, query: ChangesQuery) -> Changes:
        """Take a step along the change order; see `RecordStream.changes`."""
        with self._lock:
            self._storage.check_open()
            head = self._head_for(query.viewer)
            if self._head:
                query = since_birth(query)
            check_cursor(query, head, self._visibility.of(query.viewer or "").last)
            position = after = query.after or 0
            found: list[Change] = []
            scan = max(CHANGES_PER_STEP, query.limit) if query.where else query.limit
            rows = self._concerning(query.viewer, after, scan + 1)
            for position, item_id in rows[:scan]:
                change = self._change(position, item_id, query)
                if change is not None:
                    found.append(change)
                if len(found) == query.limit:
                    break
            ended = not rows or position == rows[-1][0]
            return reached(query, found, position, head, ended=ended)

    def _concerning(self, viewer: str | None, after: int, count: int) -> list[tuple[int, str]]:
        """Return the first changes of a viewer after a position, as (position, id)."""
        if viewer is not None:
            return self._visibility.of(viewer).above(after, count)
        return [(position, self._at[position]) for position in self._order.above(after, count)]

    def _change(self, position: int, item_id: str, query: ChangesQuery) -> Change | None:
        entry = self._entries.get(item_id)
        viewer = query.viewer
        if entry is None or entry.position != position:
            return Change(position, item_id, None)  # a departure, whatever has become of it since
        departed = viewer is not None and viewer not in entry.viewers
        if entry.record is not None and not departed and meets(query.where, entry.values):
            return Change(position, item_id, entry.record)
        if departed or entry.past.may_have_met(query.where, entry.values, viewer):
            return Change(position, item_id, None)
        return None

    def head(self) -> Head:
        """Return where the change order ends now."""
        with self._lock:
            self._storage.check_open()
            return self._head_now()

    def _head_now(self) -> Head:
        era = self._storage.era if self._head else UNBORN
        return Head(self._head, era, self._horizon, self._floor)

    def _head_for(self, viewer: str | None) -> Head:
        """Return the head, or the viewer's head after keeping its floor."""
        head = self._head_now()
        if viewer is None:
            return head
        now = self._storage.clock.micros()
        self._floor = next_floor(head, now)
        return viewer_head(self._head_now(), self._visibility.of(viewer).horizon, now)

    def wait(self, after: int, seconds: float) -> bool:
        """Wait for a change; woken by the write itself."""
        until = time.monotonic() + seconds
        with self._written:
            era = self._storage.era
            while self._head <= after and self._storage.era == era:
                self._storage.check_open()
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._written.wait(left)
        return True

    def wake(self) -> None:
        """Wake every reader that waits, so that it looks again."""
        with self._written:
            self._written.notify_all()

    def count(self, query: PageQuery) -> Count:
        """Count the items of a walk; see `RecordStream.count`."""
        total = 0
        with self._lock:
            self._storage.check_open()
            keys = self._keys(query, query.limit + 1)
            for _, item_id in keys[: query.limit]:
                total += meets(query.where, self._entries[item_id].values)
        return Count(total, exact=len(keys) <= query.limit)

    def purge(self, until: int) -> int:
        """Forget the tombstones up to a position, and return how many."""
        with self._lock:
            self._storage.check_open()
            until = min(until, self._head)
            purged, self._horizon = self._horizon, max(self._horizon, until)
            viewers = self._visibility.viewers()
        # Piece by piece: others are served between two. A viewer's changes go before the entries
        # that they are of, so that whoever reads them finds these.
        for viewer in viewers:
            place: int | None = 0
            while place is not None:
                with self._lock:
                    place = self._purge_view(viewer, place, until)
                green.take_turn()
        dead = 0
        place = purged
        while place is not None:
            with self._lock:
                place, some = self._purge_entries(place, until)
            dead += some
            green.take_turn()
        return dead

    def _purge_view(self, viewer: str, place: int, until: int) -> int | None:
        """Forget some more of a viewer's changes above a place; return where to go on, if ever."""
        view = self._visibility.of(viewer)
        some = view.above(place, WORK)
        for position, item_id in some:
            if position > until:
                break
            if self._at.get(position) != item_id or not self._is_seen(item_id, view):
                view.horizon = max(view.horizon, position)
                view.forget(item_id)
        if len(some) == WORK and some[-1][0] <= until:
            return some[-1][0]
        self._visibility.tidy(viewer, self._storage.clock.micros() - KEPT)
        return None

    def _purge_entries(self, place: int, until: int) -> tuple[int | None, int]:
        """Forget some more of the tombstones above a place.

        Returns where to go on, if ever, and how many they were.
        """
        some = self._order.above(place, WORK)
        dead = [
            position
            for position in some
            if position <= until and self._entries[self._at[position]].record is None
        ]
        for position in dead:
            self._order.remove(position)
            del self._entries[self._at.pop(position)]
        goes_on = len(some) == WORK and some[-1] <= until
        return some[-1] if goes_on else None, len(dead)

    def _is_seen(self, item_id: str, view: View) -> bool:
        record = self._entries[item_id].record
        return record is not None and view.timeline.holds((record.created_at, record.id))
