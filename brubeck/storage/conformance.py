"""The conformance suite: what passes it is a storage, and none may leave out a part of it.

Whoever writes a storage subclasses it in a test module and gets every promise tested:

    class TestMine(StorageConformance):
        def make_storage(self, clock):
            return MyStorage('my://127.0.0.1', clock=clock)

`make_storage` returns an empty storage each time; it is closed after each test. The suite needs
pytest and Hypothesis, and is imported by tests alone.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from brubeck.storage.canonical import MAX_BYTES
from brubeck.storage.conformance_machine import SCHEMA, StreamMachine, put_new
from brubeck.storage.contract import Queryset, Storage
from brubeck.storage.errors import LostPlace
from brubeck.storage.records import (
    ChangesQuery,
    Condition,
    Delete,
    PageQuery,
    Place,
    Put,
    Record,
    Refused,
    Tombstone,
    Written,
)
from brubeck.timekeeping import Clock, HeldClock

_START = 1_700_000_000_000_000
_RELAXED = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
_WRITERS = 8


class StorageConformance:
    """Every promise of a storage as a test."""

    histories = settings(
        deadline=None,
        max_examples=100,
        stateful_step_count=40,
        suppress_health_check=list(HealthCheck),
    )
    """How many random histories are tried against the model, and how."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        replaced = [name for name in vars(cls) if name.startswith("test_")]
        if replaced:
            raise TypeError(f"{cls.__name__} may not replace {', '.join(replaced)}")

    @abstractmethod
    def make_storage(self, clock: Clock) -> Storage:
        """Return a new, empty storage that tells the time by this clock."""

    @contextmanager
    def stream(self, clock: Clock | None = None) -> Iterator[Queryset]:
        """Open a stream of a new storage, and close the storage afterwards."""
        storage = self.make_storage(clock or HeldClock(_START))
        try:
            yield storage.queryset("quakes", SCHEMA)
        finally:
            storage.close()

    # Everything at once, against a simple model.

    def test_any_history_keeps_every_promise(self) -> None:
        """G1, G2, G3, G4, G6: whatever writes, walks, readers and purges do to one another."""
        storages: list[Storage] = []

        def machine() -> StreamMachine:
            storages.append(self.make_storage(HeldClock(_START)))
            return StreamMachine(storages[-1].queryset("quakes", SCHEMA))

        try:
            run_state_machine_as_test(
                machine,  # type: ignore[arg-type]  # a factory does, says its documentation
                settings=self.histories,
            )
        finally:
            for storage in storages:
                storage.close()

    # G1: one total order.

    @_RELAXED
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
            assert _walk(stream, limit=limit, descending=descending) == keys

    def test_a_tie_of_a_thousand_is_walked_both_ways_from_its_middle(self) -> None:
        """G1: an id decides among equal times, also where the cursor's own item is gone."""
        with self.stream() as stream:
            ids = [f"i{n:04}" for n in range(1000)]
            stream.write([put_new(each, 5) for each in ids])
            stream.write([Delete(id="i0500", token="gone")])
            middle = Place(5, "i0500")
            down = _walk(stream, limit=37, descending=True, start=middle)
            up = _walk(stream, limit=37, descending=False, start=middle)
            assert [key[1] for key in down] == ids[499::-1]
            assert [key[1] for key in up] == ids[501:]

    def test_a_place_without_an_id_leaves_out_its_whole_millisecond(self) -> None:
        """G1: a bare time is before, or after, everything of that time."""
        with self.stream() as stream:
            stream.write([put_new(f"i{at}{each}", at) for at in (1, 2, 3) for each in "ab"])
            down = _walk(stream, limit=9, descending=True, start=Place(2))
            up = _walk(stream, limit=9, descending=False, start=Place(2))
            assert down == [(1, "i1b"), (1, "i1a")]
            assert up == [(3, "i3a"), (3, "i3b")]

    def test_bounds_hold_for_the_whole_walk(self) -> None:
        """Since is inclusive and until exclusive, whatever place a step starts from."""
        with self.stream() as stream:
            stream.write([put_new(f"i{at}", at) for at in range(10)])
            for start in (None, Place(99)):
                down = _walk(stream, limit=2, descending=True, start=start, since=3, until=7)
                assert [key[0] for key in down] == [6, 5, 4, 3]
            for start in (None, Place(-9)):
                up = _walk(stream, limit=2, descending=False, start=start, since=3, until=7)
                assert [key[0] for key in up] == [3, 4, 5, 6]

    def test_the_last_page_says_that_it_is_the_last(self) -> None:
        """A page stops nowhere only where nothing lies beyond, and always there."""
        with self.stream() as stream:
            stream.write([put_new(f"i{at}", at) for at in range(4)])
            assert stream.page(PageQuery(limit=3)).stopped == Place(1, "i1")
            assert stream.page(PageQuery(limit=4)).stopped is None

    # Writes: lives, expectations, tokens.

    def test_an_id_is_created_once_until_it_is_deleted(self) -> None:
        """A live id is refused; after a deletion it begins a new life with its own time."""
        with self.stream() as stream:
            (first,) = stream.write([put_new("a", 1)])
            assert isinstance(first, Written)
            assert stream.write([put_new("a", 2)]) == [Refused("exists", first.position)]
            stream.write([Delete(id="a", token="d")])
            (found,) = stream.get(["a"])
            assert isinstance(found, Tombstone)
            (again,) = stream.write([put_new("a", 3)])
            assert isinstance(again, Written)
            assert again.position > first.position
            assert _walk(stream, limit=9, descending=True) == [(3, "a")]

    def test_a_write_expects_its_item_where_it_stands(self) -> None:
        """Replacing and deleting are refused where the item has moved, or is not there."""
        with self.stream() as stream:
            (made,) = stream.write([put_new("a", 1)])
            assert isinstance(made, Written)
            (moved,) = stream.write([_replace("a", 1, made.position)])
            assert isinstance(moved, Written)
            late = _replace("a", 1, made.position)
            assert stream.write([late]) == [Refused("moved", moved.position)]
            stale = Delete(id="a", token="x", expected=made.position)
            assert stream.write([stale]) == [Refused("moved", moved.position)]
            assert stream.write([_replace("b", 1, 7)]) == [Refused("missing", None)]
            assert stream.write([Delete(id="b", token="y")]) == [Refused("missing", None)]

    def test_each_write_of_a_batch_stands_for_itself(self) -> None:
        """A refused write holds up none beside it, and the outcomes keep their order."""
        with self.stream() as stream:
            outcomes = stream.write([put_new("a", 1), put_new("a", 2), put_new("b", 3)])
            assert [type(each) for each in outcomes] == [Written, Refused, Written]
            assert len(_walk(stream, limit=9, descending=True)) == 2

    def test_a_write_that_is_sent_twice_happens_once(self) -> None:
        """G7: a repeated token gets its first outcome, also after others wrote."""
        with self.stream() as stream:
            create = put_new("a", 1)
            first = stream.write([create])
            assert stream.write([create]) == first
            assert isinstance(first[0], Written)
            replace = _replace("a", 1, first[0].position)
            second = stream.write([replace])
            assert isinstance(second[0], Written)
            third = stream.write([_replace("a", 1, second[0].position)])
            assert stream.write([replace]) == second
            delete = Delete(id="a", token="gone")
            gone = stream.write([delete])
            assert stream.write([delete]) == gone
            assert first != second != third != gone
            head = stream.head().position
            assert isinstance(gone[0], Written)
            assert head == gone[0].position

    def test_of_many_writers_with_one_expectation_one_wins(self) -> None:
        """G7: exactly one succeeds, round after round."""
        with self.stream() as stream:
            (made,) = stream.write([put_new("a", 1)])
            assert isinstance(made, Written)
            position = made.position
            for _ in range(20):
                outcomes = _at_once([_replace("a", 1, position) for _ in range(_WRITERS)], stream)
                winners = [each for each in outcomes if isinstance(each, Written)]
                assert len(winners) == 1
                position = winners[0].position
                (found,) = stream.get(["a"])
                assert isinstance(found, Record)
                assert found.position == position

    # The change order.

    def test_positions_rise_whatever_the_clock_does(self) -> None:
        """G3: a clock that stands still or goes back gives unique, rising positions."""
        clock = HeldClock(_START)
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
            stream.write([_replace("a", 1, made.position), Delete(id="b", token="d")])
            found = stream.changes(ChangesQuery(limit=9))
            assert [(each.id, each.record is None) for each in found.changes] == [
                ("a", False),
                ("b", True),
            ]
            assert found.caught_up
            assert found.position == stream.head().position

    def test_a_filter_says_when_an_item_leaves_it(self) -> None:
        """G4: what a reader may have seen and no longer may is shown as gone, nothing else is."""
        with self.stream() as stream:
            (a,) = stream.write([put_new("a", 1, magnitude=5)])
            stream.write([put_new("b", 1, magnitude=1)])
            after = stream.head()
            assert isinstance(a, Written)
            stream.write([_replace("a", 1, a.position, magnitude=2)])
            where = (Condition("magnitude", "gte", 4),)
            query = ChangesQuery(limit=9, after=after.position, era=after.era, where=where)
            assert [(each.id, each.record) for each in stream.changes(query).changes] == [
                ("a", None)
            ]
            whole = stream.changes(ChangesQuery(limit=9, where=where))
            assert [each.id for each in whole.changes] == ["a"]

    def test_a_place_whose_history_is_gone_is_said_to_be_lost(self) -> None:
        """G6: another era, a place past the head, and one below a purge."""
        storage = self.make_storage(HeldClock(_START))
        try:
            stream = storage.queryset("quakes", SCHEMA)
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
                with pytest.raises(LostPlace):
                    stream.changes(query)
            assert stream.get(["a"]) == [None]
            here = ChangesQuery(limit=9, after=head.position, era=head.era)
            assert stream.changes(here).caught_up
            storage.new_era()
            with pytest.raises(LostPlace):
                stream.changes(here)
        finally:
            storage.close()

    def test_a_reader_from_the_beginning_outlives_an_earlier_purge(self) -> None:
        """G6: who sets out after a purge has missed nothing by it, however slowly it reads."""
        with self.stream() as stream:
            stream.write([put_new(each, 1) for each in "abcd"])
            stream.write([Delete(id="d", token="d")])
            stream.purge(stream.head().position)
            query = ChangesQuery(limit=1)
            seen = []
            for _ in range(3):
                found = stream.changes(query)
                seen += [each.id for each in found.changes]
                query = _onward(query, found)
            assert seen == ["a", "b", "c"]

    def test_a_reader_from_the_beginning_loses_its_place_to_a_later_purge(self) -> None:
        """G6: what was deleted and purged since it set out, it could never be told."""
        with self.stream() as stream:
            stream.write([put_new(each, 1) for each in "abc"])
            query = ChangesQuery(limit=1)
            query = _onward(query, stream.changes(query))
            stream.write([Delete(id="a", token="d")])
            stream.purge(stream.head().position)
            with pytest.raises(LostPlace):
                stream.changes(query)

    # Waiting.

    def test_a_reader_that_waits_is_woken_by_a_write(self) -> None:
        """News ends the wait; a place behind the head does not wait at all."""
        with self.stream() as stream:
            head = stream.head().position
            assert not stream.wait(head, 0.01)
            woken: list[bool] = []
            thread = threading.Thread(target=lambda: woken.append(stream.wait(head, 20)))
            thread.start()
            stream.write([put_new("a", 1)])
            thread.join(20)
            assert woken == [True]
            assert stream.wait(head, 20)

    # G9: the same everywhere.

    @_RELAXED
    @given(
        place=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        number=st.one_of(
            st.integers(-(1 << 63), (1 << 63) - 1), st.floats(allow_nan=False, allow_infinity=False)
        ),
    )
    def test_what_goes_in_comes_out(self, place: str, number: float) -> None:
        """G9: a canonical body is given back byte for byte, in every way there is to read it."""
        with self.stream() as stream:
            written = msgspec.json.encode({"id": "a", "place": place, "magnitude": number})
            stream.write([Put(id="a", created_at=0, body=written, token="t")])
            (got,) = stream.get(["a"])
            (paged,) = stream.page(PageQuery(limit=1)).records
            (changed,) = stream.changes(ChangesQuery(limit=1)).changes
            assert isinstance(got, Record)
            assert got == paged == changed.record
            assert got.body == written

    def test_the_largest_body_comes_out(self) -> None:
        """G9: up to the limit of what is canonical."""
        with self.stream() as stream:
            frame = len(b'{"place":""}')
            written = b'{"place":"%b"}' % (b"x" * (MAX_BYTES - frame))
            stream.write([Put(id="a", created_at=0, body=written, token="t")])
            (got,) = stream.get(["a"])
            assert isinstance(got, Record)
            assert got.body == written

    @pytest.mark.parametrize(
        ("operator", "value", "wanted"),
        [
            ("eq", 2, ["b"]),
            ("gt", 2, ["c"]),
            ("gte", 2, ["b", "c"]),
            ("lt", 2, ["a"]),
            ("lte", 2, ["a", "b"]),
            ("in", (1, 3, 9), ["a", "c"]),
        ],
    )
    def test_each_operator_means_the_same(
        self, operator: Any, value: Any, wanted: list[str]
    ) -> None:
        """G9: and a field that holds nothing meets no condition."""
        with self.stream() as stream:
            stream.write([put_new(i, 0, magnitude=n) for n, i in enumerate("abc", 1)])
            stream.write([put_new("none", 0)])
            where = (Condition("magnitude", operator, value),)
            found = stream.page(PageQuery(limit=9, descending=False, where=where))
            assert [record.id for record in found.records] == wanted

    def test_a_list_meets_a_condition_by_any_member(self) -> None:
        """G9: lists are filtered by what is in them."""
        with self.stream() as stream:
            stream.write([put_new("a", 0, tags=["x", "y"]), put_new("b", 0, tags=["y"])])
            where = (Condition("tags", "eq", "x"),)
            found = stream.page(PageQuery(limit=9, where=where))
            assert [record.id for record in found.records] == ["a"]

    def test_a_count_stops_at_its_bound(self) -> None:
        """A total is exact up to a bound, and says so."""
        with self.stream() as stream:
            stream.write([put_new(f"i{n}", n, magnitude=n) for n in range(10)])
            assert stream.count(bound=10).exact
            assert stream.count(bound=10).total == 10
            assert not stream.count(bound=9).exact
            where = (Condition("magnitude", "gte", 4),)
            assert stream.count(where=where, bound=99).total == 6
            assert stream.count(since=2, until=5, bound=99).total == 3

    def test_hits_are_counted_for_a_window(self) -> None:
        """The counter of rate limits counts each key by itself and begins again in time."""
        clock = HeldClock(_START)
        storage = self.make_storage(clock)
        try:
            assert [storage.hit("a", 60) for _ in range(3)] == [1, 2, 3]
            assert storage.hit("b", 60) == 1
            clock.advance(60_000_000)
            assert storage.hit("a", 60) == 1
        finally:
            storage.close()

    def test_streams_of_one_storage_know_nothing_of_each_other(self) -> None:
        """A stream is a world of its own, and the same one however often it is asked for."""
        storage = self.make_storage(HeldClock(_START))
        try:
            storage.queryset("one", SCHEMA).write([put_new("a", 1)])
            assert storage.queryset("two", SCHEMA).get(["a"]) == [None]
            assert storage.queryset("two", SCHEMA).head().position == 0
            (found,) = storage.queryset("one", SCHEMA).get(["a"])
            assert isinstance(found, Record)
        finally:
            storage.close()


def _replace(item_id: str, created_at: int, expected: int, **values: Any) -> Put:
    return put_new(item_id, created_at, expected=expected, **values)


def _walk(stream: Queryset, *, start: Place | None = None, **query: Any) -> list[tuple[int, str]]:
    """Return the keys of a whole walk, page by page."""
    keys: list[tuple[int, str]] = []
    while True:
        page = stream.page(PageQuery(start=start, **query))
        assert len(page.records) <= query["limit"]
        keys += [(record.created_at, record.id) for record in page.records]
        if page.stopped is None:
            return keys
        start = page.stopped


def _onward(query: ChangesQuery, found: Any) -> ChangesQuery:
    return msgspec.structs.replace(query, after=found.position, era=found.era, began=found.began)


def _at_once(writes: list[Put], stream: Queryset) -> list[Any]:
    """Send writes from as many threads, all let go at the same moment."""
    outcomes: list[Any] = []
    gate = threading.Barrier(len(writes))

    def send(write: Put) -> None:
        gate.wait()
        outcomes.extend(stream.write([write]))

    threads = [threading.Thread(target=send, args=(write,)) for write in writes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
