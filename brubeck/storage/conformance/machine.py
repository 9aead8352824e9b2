"""A model of a stream, and a machine that holds a storage to it through any history.

The model is a dictionary. Against it stand *walks*, which page along the timeline while others
write, and *readers*, which keep a copy of the stream (or of what meets a filter) by following its
changes. After every step of theirs the copy must be what the promises say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

from brubeck.storage.conditions import meets
from brubeck.storage.contract import RecordStream
from brubeck.storage.errors import LostCursor
from brubeck.storage.records import (
    UNBORN,
    ChangesQuery,
    Delete,
    FieldCondition,
    PageQuery,
    Put,
    Record,
    Refused,
    TimelineCursor,
    Written,
)
from brubeck.storage.schema import FieldInfo, RecordSchema
from brubeck.timekeeping import HeldClock

SCHEMA = RecordSchema(
    {
        "place": FieldInfo("string", indexed=False),
        "magnitude": FieldInfo("number", indexed=True, equality=True),
        "network": FieldInfo("string", indexed=True, equality=True),
        "depth": FieldInfo("number", indexed=True),
        "north": FieldInfo("number", indexed=True, source="at", keys=(0, "north", "n")),
        "tags": FieldInfo("list", indexed=True, item_kind="string", equality=True),
        "owner": FieldInfo("string"),
        "readers": FieldInfo("list", item_kind="string"),
    },
    sight=("owner", "readers"),
)

MANY = 200
"""More steps than any history here needs."""

_ids = st.sampled_from([f"i{n}" for n in range(4)])
_times = st.integers(-2, 2)
_owners = st.sampled_from(["ann", "bob"])
_viewers = st.sampled_from([None, "ann", "bob"])
_magnitudes = st.one_of(st.none(), st.integers(0, 3))
_filters: st.SearchStrategy[tuple[FieldCondition, ...]] = st.one_of(
    st.just(()),
    st.builds(lambda n: (FieldCondition("magnitude", "gte", n),), st.integers(0, 3)),
    st.builds(lambda n: (FieldCondition("magnitude", "eq", n),), st.integers(0, 3)),
    st.builds(lambda n: (FieldCondition("magnitude", "within", (0, 0, n, 3)),), st.integers(0, 3)),
)


def body(item_id: str, created_at: int, values: dict[str, Any]) -> bytes:
    """Return the canonical body of an item."""
    known = {name: value for name, value in values.items() if value is not None}
    return msgspec.json.encode({"id": item_id, "created_at": created_at, **known})


def put_new(item_id: str, created_at: int, *, expected: int | None = None, **values: Any) -> Put:
    """Return a write under a token of its own."""
    return Put(
        id=item_id,
        created_at=created_at,
        body=body(item_id, created_at, values),
        token=uuid4().hex,
        expected=expected,
    )


class _Walk:
    """One walk: the items that it has returned, and those that it has to return."""

    def __init__(self, query: PageQuery, due: set[str]) -> None:
        self.query = query
        self.due = due  # what has been there, in this life and in the filter, from the beginning
        self.keys: list[tuple[int, str]] = []
        self.copy: dict[str, bytes] = {}
        self.place: tuple[int, str] | None = None


class _Reader:
    """One follower: its place, and the stream as it believes it to be."""

    def __init__(self, query: ChangesQuery, copy: dict[str, bytes]) -> None:
        self.query = query
        self.copy = copy


class StreamMachine(RuleBasedStateMachine):
    """Any history of writes, walks, readers and purges."""

    walks = Bundle("walks")
    readers = Bundle("readers")

    def __init__(self, stream: RecordStream, clock: HeldClock) -> None:
        super().__init__()
        self.stream = stream
        self.clock = clock
        self.live: dict[str, Record] = {}
        self.horizons: dict[str | None, int] = {}
        self.seeing: dict[str, frozenset[str]] = {}  # also the viewers of deleted items
        self.gone: dict[tuple[str, str], int] = {}  # (viewer, id) -> where it left the sight
        self.open_walks: list[_Walk] = []

    # Writes.

    @rule(item_id=_ids, at=_times, magnitude=_magnitudes, owner=_owners)
    def create(self, item_id: str, at: int, magnitude: int | None, owner: str) -> None:
        put = put_new(item_id, at, magnitude=magnitude, owner=owner)
        (outcome,) = self.stream.write([put])
        if item_id in self.live:
            assert outcome == Refused("exists", self.live[item_id].position)
        else:
            self._written(put, outcome)

    @rule(item_id=_ids, magnitude=_magnitudes, owner=_owners)
    def replace(self, item_id: str, magnitude: int | None, owner: str) -> None:
        if item_id in self.live:
            known = self.live[item_id]
            values = {"magnitude": magnitude, "owner": owner}
            put = put_new(item_id, known.created_at, expected=known.position, **values)
            (outcome,) = self.stream.write([put])
            self._written(put, outcome)

    def _written(self, put: Put, outcome: Any) -> None:
        assert isinstance(outcome, Written)
        known = [record.position for record in self.live.values()]
        assert outcome.position > max(known, default=0)
        self._leave(put.id, self.seeing.get(put.id, ()), outcome.position)
        self.seeing[put.id] = SCHEMA.viewers(SCHEMA.extract(put.body))
        for viewer in self.seeing[put.id]:
            self.gone.pop((viewer, put.id), None)
        version = self.live[put.id].version + 1 if put.id in self.live else 1
        self.live[put.id] = Record(put.id, put.created_at, outcome.position, put.body, version)
        for walk in self.open_walks:
            if not self._shows(walk.query, put.id):
                walk.due.discard(put.id)

    @rule(item_id=_ids)
    def delete(self, item_id: str) -> None:
        (outcome,) = self.stream.write([Delete(id=item_id, token=uuid4().hex)])
        if item_id in self.live:
            assert isinstance(outcome, Written)
            self._leave(item_id, self.seeing[item_id], outcome.position)
            del self.live[item_id]
            for walk in self.open_walks:
                walk.due.discard(item_id)
        else:
            assert isinstance(outcome, Refused)

    @rule(seconds=st.sampled_from([-7, 1, 2, 60]))
    def let_time_pass(self, seconds: int) -> None:
        """Also backwards: a clock that was wrong is put right."""
        self.clock.advance(seconds * 1_000_000)

    @rule()
    def purge(self) -> None:
        horizon = self.stream.head().position
        self.stream.purge(horizon)
        self.horizons[None] = horizon
        for (viewer, _), position in self.gone.items():
            self.horizons[viewer] = max(position, self.horizons.get(viewer, 0))
        self.gone = {}
        self.seeing = {each: self.seeing[each] for each in self.live}

    def _leave(self, item_id: str, viewers: Iterable[str], position: int) -> None:
        """Note where an item has left the sight of viewers."""
        for viewer in viewers:
            self.gone[viewer, item_id] = position

    # Walks.

    @rule(
        target=walks,
        limit=st.integers(1, 3),
        descending=st.booleans(),
        where=_filters,
        viewer=_viewers,
    )
    def set_out(
        self, limit: int, descending: bool, where: tuple[FieldCondition, ...], viewer: str | None
    ) -> _Walk:
        query = PageQuery(limit=limit, descending=descending, where=where, viewer=viewer)
        walk = _Walk(query, {each for each in self.live if self._shows(query, each)})
        self.open_walks.append(walk)
        return walk

    @rule(walk=walks)
    def step(self, walk: _Walk) -> None:
        if walk not in self.open_walks:
            return
        page = self.stream.page(walk.query)
        walk.place = walk.place or (page.follow(walk.query.viewer), page.head.era)
        for record in page.records:
            assert record == self.live[record.id]
            assert self._shows(walk.query, record.id)
            self._advance(walk, (record.created_at, record.id))
            walk.copy[record.id] = record.body
        if page.stopped is None:
            seen = {key[1] for key in walk.keys}
            assert walk.due <= seen, "a walk lost what was there throughout it"
            self.open_walks.remove(walk)
        else:
            walk.query = msgspec.structs.replace(walk.query, start=page.stopped)

    @staticmethod
    def _advance(walk: _Walk, key: tuple[int, str]) -> None:
        if walk.keys:
            last = walk.keys[-1]
            assert key < last if walk.query.descending else key > last, "a walk repeated an item"
        walk.keys.append(key)

    @rule(walk=walks, descending=st.booleans())
    def turn_round(self, walk: _Walk, descending: bool) -> None:
        """A step from any item of a walk, either way, returns just the items that lie there."""
        if not walk.keys:
            return
        key = walk.keys[len(walk.keys) // 2]
        query = PageQuery(limit=3, descending=descending, start=TimelineCursor(*key))
        keys = sorted(((r.created_at, r.id) for r in self.live.values()), reverse=descending)
        beyond = [each for each in keys if (each < key if descending else each > key)]
        found = self.stream.page(query)
        assert [(each.created_at, each.id) for each in found.records] == beyond[:3]
        assert (found.stopped is None) == (len(beyond) <= 3)

    # Readers.

    @rule(target=readers, limit=st.integers(1, 3), where=_filters, viewer=_viewers)
    def follow_from_the_beginning(
        self, limit: int, where: tuple[FieldCondition, ...], viewer: str | None
    ) -> _Reader:
        return _Reader(ChangesQuery(limit=limit, where=where, viewer=viewer), {})

    @rule(target=readers, walk=consumes(walks), limit=st.integers(1, 3))
    def follow_after_a_walk(self, walk: _Walk, limit: int) -> _Reader:
        """G4: a snapshot, and the changes since its first page."""
        while walk in self.open_walks:
            self.step(walk)
        query = ChangesQuery(limit=limit, where=walk.query.where, viewer=walk.query.viewer)
        if walk.place is None:
            return _Reader(query, {})
        after, era = walk.place
        return _Reader(msgspec.structs.replace(query, after=after, era=era), dict(walk.copy))

    @rule(reader=readers)
    def read(self, reader: _Reader) -> None:
        """Read a step."""
        self._read(reader)

    @rule(reader=readers)
    def catch_up(self, reader: _Reader) -> None:
        """Read to the head."""
        for _ in range(MANY):
            if self._read(reader):
                return
        raise AssertionError("a reader never came to the head")

    def _read(self, reader: _Reader) -> bool:
        """Read a step, and return whether it came to the head."""
        query = reader.query
        horizon = self.horizons.get(query.viewer, 0)
        if query.era == UNBORN:
            assert not reader.copy
            position = 0  # it stands at the beginning, wherever that is by now
        elif query.after is not None and max(query.after, query.began) < horizon:
            self._expect_lost(reader)
            return False
        else:
            position = query.after or 0
        found = self.stream.changes(query)
        for change in found.changes:
            assert change.position > position, "a position appeared behind a reader"
            position = change.position
            if change.record is None:
                reader.copy.pop(change.id, None)
            else:
                assert change.record == self.live[change.id]
                reader.copy[change.id] = change.record.body
        assert found.position >= position
        reader.query = msgspec.structs.replace(
            query, after=found.position, era=found.era, began=found.began
        )
        if found.caught_up:
            truth = {
                each: record.body for each, record in self.live.items() if self._shows(query, each)
            }
            assert reader.copy == truth, "a reader missed a change"
        return found.caught_up

    def _expect_lost(self, reader: _Reader) -> None:
        try:
            self.stream.changes(reader.query)
        except LostCursor:
            reader.query = msgspec.structs.replace(reader.query, after=None, era=None, began=0)
            reader.copy = {}
        else:
            raise AssertionError("a reader below the horizon was not told")

    def _shows(self, query: PageQuery | ChangesQuery, item_id: str) -> bool:
        values = SCHEMA.extract(self.live[item_id].body)
        seen = query.viewer is None or query.viewer in SCHEMA.viewers(values)
        return seen and meets(query.where, values)
