"""The two orders: walks of the timeline, the change order, and places that are lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.storage.conformance.base import RELAXED, START, Suite, onward, replacing, walk
from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.errors import LostCursor
from brubeck.storage.records import (
    ChangesQuery,
    Delete,
    FieldCondition,
    PageQuery,
    Record,
    TimelineCursor,
    Written,
)
from brubeck.storage.sizes import STEP_BYTES
from brubeck.timekeeping import HeldClock


def _check_full(records: list[Record]) -> None:
    """Check that all but the last record of a step leave room."""
    assert sum(len(each.body) for each in records[:-1]) < STEP_BYTES


class Orders(Suite):
    """G1 to G4 and G6, one by one."""

    @RELAXED
    @given(
        times=st.lists(st.integers(-3, 3), max_size=60),
        limit=st.integers(1, 7),
        descending=st.booleans(),
    )
    def test_a_walk_yields_every_item_once_in_order(
        self, times: list[int], limit: int, descending: bool
    ) -> None:
        """G1: ties and times before the epoch, any page size, both directions."""
        with self.stream() as stream:
            stream.write([put_new(f"i{n}", at) for n, at in enumerate(times)])
            keys = sorted(((at, f"i{n}") for n, at in enumerate(times)), reverse=descending)
            assert walk(stream, limit=limit, descending=descending) == keys

    def test_a_tie_of_a_thousand_is_walked_both_ways_from_its_middle(self) -> None:
        """G1: ids order equal times, also where the cursor's own item was deleted."""
        with self.stream() as stream:
            ids = [f"i{n:04}" for n in range(1000)]
            stream.write([put_new(each, 5) for each in ids])
            stream.write([Delete(id="i0500", token="gone")])
            middle = TimelineCursor(5, "i0500")
            down = walk(stream, limit=37, descending=True, start=middle)
            up = walk(stream, limit=37, descending=False, start=middle)
            assert [key[1] for key in down] == ids[499::-1]
            assert [key[1] for key in up] == ids[501:]

    def test_a_place_without_an_id_leaves_out_its_whole_millisecond(self) -> None:
        """G1: a bare time is before, or after, everything of that time."""
        with self.stream() as stream:
            stream.write([put_new(f"i{at}{each}", at) for at in (1, 2, 3) for each in "ab"])
            down = walk(stream, limit=9, descending=True, start=TimelineCursor(2))
            up = walk(stream, limit=9, descending=False, start=TimelineCursor(2))
            assert down == [(1, "i1b"), (1, "i1a")]
            assert up == [(3, "i3a"), (3, "i3b")]

    def test_bounds_hold_for_the_wholewalk(self) -> None:
        """Since is inclusive and until exclusive, for every start of a step."""
        with self.stream() as stream:
            stream.write([put_new(f"i{at}", at) for at in range(10)])
            for start in (None, TimelineCursor(99)):
                down = walk(stream, limit=2, descending=True, start=start, since=3, until=7)
                assert [key[0] for key in down] == [6, 5, 4, 3]
            for start in (None, TimelineCursor(-9)):
                up = walk(stream, limit=2, descending=False, start=start, since=3, until=7)
                assert [key[0] for key in up] == [3, 4, 5, 6]

    @pytest.mark.parametrize("filtered", [False, True])
    def test_large_items_come_in_more_steps(self, *, filtered: bool) -> None:
        """A step ends with the item that fills it, below any limit, and leaves none out."""
        sizes = [10, STEP_BYTES // 3, 10, 900_000, 900_000, 900_000, 10, STEP_BYTES // 3, 10]
        where = (FieldCondition("network", "eq", "ci"),) if filtered else ()
        with self.stream() as stream:
            for at, size in enumerate(sizes):
                stream.write([put_new(f"i{at}", at, network="ci", place="x" * size)])
            for descending in (True, False):
                keys = walk(stream, limit=100, descending=descending, where=where)
                assert keys == sorted(keys, reverse=descending)
                assert len(keys) == len(sizes)
            step, steps, seen = ChangesQuery(limit=100, where=where), 0, list[str]()
            while True:
                found = stream.changes(step)
                _check_full([each.record for each in found.changes if each.record])
                seen += [each.id for each in found.changes]
                steps += 1
                if found.caught_up:
                    break
                step = onward(step, found)
            assert seen == [f"i{at}" for at in range(len(sizes))]
            page = stream.page(PageQuery(limit=100, where=where))
            _check_full(page.records)
            assert page.stopped is not None
            assert steps > 1

    def test_the_last_page_says_that_it_is_the_last(self) -> None:
        """A page stops nowhere only where nothing lies beyond, and always there."""
        with self.stream() as stream:
            stream.write([put_new(f"i{at}", at) for at in range(4)])
            assert stream.page(PageQuery(limit=3)).stopped == TimelineCursor(1, "i1")
            assert stream.page(PageQuery(limit=4)).stopped is None

    def test_positions_rise_whatever_the_clock_does(self) -> None:
        """G3: a clock that stands still or goes back gives unique, rising positions."""
        clock = HeldClock(START)
        with self.stream(clock) as stream:
            positions = []
            for number, step in enumerate([0, 0, 3_600_000_000, -3_600_000_000, 0, 1]):
                clock.advance(step)
                for outcome in stream.write([put_new(f"i{number}{n}", 1) for n in "ab"]):
                    assert isinstance(outcome, Written)
                    positions.append(outcome.position)
            assert positions == sorted(set(positions))
            found = stream.changes(ChangesQuery(limit=99))
            assert [change.position for change in found.changes] == positions

    def test_an_item_stands_in_the_changes_once_at_its_latest(self) -> None:
        """G3: earlier versions are passed over, and a deletion is shown as one."""
        with self.stream() as stream:
            (made,) = stream.write([put_new("a", 1)])
            stream.write([put_new("b", 1)])
            assert isinstance(made, Written)
            stream.write([replacing("a", 1, made.position), Delete(id="b", token="d")])
            found = stream.changes(ChangesQuery(limit=9))
            assert [(each.id, each.record is None) for each in found.changes] == [
                ("a", False),
                ("b", True),
            ]
            assert found.caught_up
            assert found.position == stream.head().position

    def test_a_filter_says_when_an_item_leaves_it(self) -> None:
        """G4: an item that a reader may have seen and no longer may is a deletion, no other is."""
        with self.stream() as stream:
            (a,) = stream.write([put_new("a", 1, magnitude=5)])
            stream.write([put_new("b", 1, magnitude=1)])
            after = stream.head()
            assert isinstance(a, Written)
            stream.write([replacing("a", 1, a.position, magnitude=2)])
            where = (FieldCondition("magnitude", "gte", 4),)
            query = ChangesQuery(limit=9, after=after.position, era=after.era, where=where)
            assert [(each.id, each.record) for each in stream.changes(query).changes] == [
                ("a", None)
            ]
            whole = stream.changes(ChangesQuery(limit=9, where=where))
            assert [each.id for each in whole.changes] == ["a"]

    def test_a_place_whose_history_is_gone_is_said_to_be_lost(self) -> None:
        """G6: another era, a place past the head, and one below a purge."""
        storage = self.make_storage(HeldClock(START))
        try:
            stream = storage.records("quakes", SCHEMA)
            stream.write([put_new("a", 1), put_new("b", 1)])
            before = stream.head()
            stream.write([Delete(id="a", token="d")])
            head = stream.head()
            assert stream.purge(head.position) == 1
            for query in (
                ChangesQuery(limit=9, after=before.position, era=before.era),
                ChangesQuery(limit=9, after=head.position, era="other"),
                ChangesQuery(limit=9, after=head.position + 1),
            ):
                with pytest.raises(LostCursor):
                    stream.changes(query)
            assert stream.get(["a"]) == [None]
            here = ChangesQuery(limit=9, after=head.position, era=head.era)
            assert stream.changes(here).caught_up
            storage.new_era()
            with pytest.raises(LostCursor):
                stream.changes(here)
        finally:
            storage.close()

    def test_a_reader_from_the_beginning_outlives_an_earlier_purge(self) -> None:
        """G6: a reader that starts after a purge misses nothing by it, however slowly it reads."""
        with self.stream() as stream:
            stream.write([put_new(each, 1) for each in "abcd"])
            stream.write([Delete(id="d", token="d")])
            stream.purge(stream.head().position)
            query = ChangesQuery(limit=1)
            seen = []
            for _ in range(3):
                found = stream.changes(query)
                seen += [each.id for each in found.changes]
                query = onward(query, found)
            assert seen == ["a", "b", "c"]

    def test_a_reader_from_the_beginning_loses_its_place_to_a_later_purge(self) -> None:
        """G6: a reader cannot receive items that were deleted and purged since its start."""
        with self.stream() as stream:
            stream.write([put_new(each, 1) for each in "abc"])
            query = ChangesQuery(limit=1)
            query = onward(query, stream.changes(query))
            stream.write([Delete(id="a", token="d")])
            stream.purge(stream.head().position)
            with pytest.raises(LostCursor):
                stream.changes(query)
