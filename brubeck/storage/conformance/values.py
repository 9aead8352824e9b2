"""The same everywhere: bodies, operators, counts, and streams apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.canonical import MAX_BYTES
from brubeck.storage.conformance.base import RELAXED, START, Suite, replacing, walk
from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.errors import NotCanonical
from brubeck.storage.records import (
    Attempt,
    ChangesQuery,
    FieldCondition,
    PageQuery,
    Put,
    Record,
    TimelineCursor,
    Written,
)
from brubeck.storage.schema import MAX_VALUES
from brubeck.timekeeping import HeldClock


class Values(Suite):
    """G9: records are returned as they were written, and filters mean the same in all storages."""

    @RELAXED
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
        """G9: up to the size limit of canonical bodies."""
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
            ("within", (2, 3), ["b", "c"]),
            ("within", (2.5, 9, -1, 1), ["a", "c"]),
            ("within", (3.5, 9, 1.5, 1.5), []),
        ],
    )
    def test_each_operator_means_the_same(
        self, operator: Any, value: Any, wanted: list[str]
    ) -> None:
        """G9: and a field that holds nothing meets no condition."""
        with self.stream() as stream:
            stream.write([put_new(i, 0, magnitude=n) for n, i in enumerate("abc", 1)])
            stream.write([put_new("none", 0)])
            where = (FieldCondition("magnitude", operator, value),)
            found = stream.page(PageQuery(limit=9, descending=False, where=where))
            assert [record.id for record in found.records] == wanted

    def test_a_list_meets_a_condition_by_any_member(self) -> None:
        """G9: a list meets a condition when one of its members does."""
        with self.stream() as stream:
            tags = {"a": ["x", "y"], "b": ["y"], "c": ["x", "z"], "d": ["a", "x"]}
            stream.write([put_new(each, 0, tags=members) for each, members in tags.items()])
            for each in (
                FieldCondition("tags", "eq", "x"),
                FieldCondition("tags", "in", ("x", "z")),
                FieldCondition("tags", "in", ("a", "x", "q")),
            ):
                where = (each,)
                assert walk(stream, limit=2, where=where) == [(0, "d"), (0, "c"), (0, "a")]
                up = walk(stream, limit=2, where=where, descending=False)
                assert up == [(0, "a"), (0, "c"), (0, "d")]

    def test_one_member_of_a_list_lies_within_a_range(self) -> None:
        """G9: and not two of them on both sides of it."""
        with self.stream() as stream:
            tags = {"a": ["x", "y"], "b": ["y"], "c": ["x", "z"], "d": []}
            stream.write([put_new(each, 0, tags=members) for each, members in tags.items()])
            where = (FieldCondition("tags", "within", ("y", "yy", "b", "w")),)
            assert walk(stream, limit=2, where=where) == [(0, "b"), (0, "a")]

    def test_values_inside_a_member_meet_conditions(self) -> None:
        """G9: by place in a list or by name in an object; what has another form has no values."""
        points: dict[str, Any] = {
            "a": [45, 7],
            "b": {"north": 44.5, "east": 7},
            "c": {"n": 46, "e": 7},
            "d": [7, 45],
            "e": {"east": 45},
            "f": {"0": 45},
            "g": [{"north": 45}],
            "h": [[45], 45],
            "i": {"north": [45]},
            "j": "45",
            "k": 45,
            "l": None,
            "m": [],
            "n": [True, 45],
        }
        with self.stream() as stream:
            stream.write([put_new(each, 0, at=at) for each, at in points.items()])
            where = (FieldCondition("north", "within", (44.5, 45, 46, 47)),)
            assert walk(stream, limit=2, where=where) == [(0, "c"), (0, "b"), (0, "a")]
            assert stream.count(PageQuery(where=where, limit=99)).total == 3
            found = stream.changes(ChangesQuery(limit=99, where=where))
            assert [each.id for each in found.changes] == ["a", "b", "c"]

    def test_an_item_that_leaves_a_range_is_shown_as_gone(self) -> None:
        """G4: also by a value inside a member; and one that never was in it is passed over."""
        with self.stream() as stream:
            written = stream.write([put_new("a", 0, at=[45, 7]), put_new("b", 0, at=[7, 45])])
            a, b = (each.position for each in written if isinstance(each, Written))
            stream.write([replacing("a", 0, a, at=[7, 45]), replacing("b", 0, b, at=[8, 45])])
            where = (FieldCondition("north", "within", (44.5, 45)),)
            (gone,) = stream.changes(ChangesQuery(limit=9, after=b, where=where)).changes
            assert (gone.id, gone.record) == ("a", None)

    def test_a_field_has_so_many_values_and_no_more(self) -> None:
        """G9: a list that is longer is refused, by its name, before anything is written."""
        with self.stream() as stream:
            most = [f"t{n}" for n in range(MAX_VALUES)]
            stream.write([put_new("a", 0, tags=most)])
            last = (FieldCondition("tags", "eq", most[-1]),)
            assert walk(stream, limit=2, where=last) == [(0, "a")]
            more = [*most, "one more"]
            for put, field in (
                (put_new("c", 0, tags=more), "tags"),
                (put_new("c", 0, readers=more), "readers"),
            ):
                with pytest.raises(NotCanonical) as caught:
                    stream.write([put_new("b", 0), put])
                assert caught.value.pointer == f"/{field}"
                assert stream.get(["b", "c"]) == [None, None]

    def test_a_count_stops_at_its_bound(self) -> None:
        """A total is exact up to a bound, and says so."""
        with self.stream() as stream:
            stream.write([put_new(f"i{n}", n, magnitude=n) for n in range(10)])
            assert stream.count(PageQuery(limit=10)).exact
            assert stream.count(PageQuery(limit=10)).total == 10
            assert not stream.count(PageQuery(limit=9)).exact
            ahead = PageQuery(limit=99, start=TimelineCursor(4, "i4"), descending=False)
            assert stream.count(ahead).total == 5
            assert stream.count(msgspec.structs.replace(ahead, descending=True)).total == 4
            where = (FieldCondition("magnitude", "gte", 4),)
            assert stream.count(PageQuery(where=where, limit=99)).total == 6
            assert stream.count(PageQuery(since=2, until=5, limit=99)).total == 3
            none = stream.count(PageQuery(since=5, until=2, limit=99))
            assert (none.total, none.exact) == (0, True)

    def test_hits_are_counted_for_a_window(self) -> None:
        """The counter of rate limits counts each key by itself and begins again in time."""
        clock = HeldClock(START)
        storage = self.make_storage(clock)
        try:
            assert [storage.hit("a", 60) for _ in range(3)] == [1, 2, 3]
            assert storage.hit("b", 60) == 1
            clock.advance(60_000_000)
            assert storage.hit("a", 60) == 1
        finally:
            storage.close()

    def test_an_attempt_is_carried_out_once_and_answered_again(self) -> None:
        """An idempotency key: in progress, given back, concluded, and forgotten in time."""
        clock = HeldClock(START)
        storage = self.make_storage(clock)

        def attempt(digest: bytes, plan: bytes) -> Attempt:
            return storage.attempt("key", digest, plan, lease=60, keep=3600)

        try:
            assert attempt(b"d", b"plan") == Attempt(b"d", b"plan", None, ours=True)
            assert attempt(b"e", b"other") == Attempt(b"d", b"plan", None, ours=False)
            storage.conclude("key", None)
            assert attempt(b"d", b"other").ours
            clock.advance(60_000_000)
            assert attempt(b"d", b"other") == Attempt(b"d", b"plan", None, ours=True)
            storage.conclude("key", b"answer")
            assert attempt(b"d", b"other") == Attempt(b"d", b"plan", b"answer", ours=False)
            clock.advance(3_600_000_000)
            assert attempt(b"f", b"new") == Attempt(b"f", b"new", None, ours=True)
        finally:
            storage.close()

    def test_streams_of_one_storage_know_nothing_of_each_other(self) -> None:
        """A stream is a world of its own, and the same one however often it is asked for."""
        storage = self.make_storage(HeldClock(START))
        try:
            storage.records("one", SCHEMA).write([put_new("a", 1)])
            assert storage.records("two", SCHEMA).get(["a"]) == [None]
            assert storage.records("two", SCHEMA).head().position == 0
            (found,) = storage.records("one", SCHEMA).get(["a"])
            assert isinstance(found, Record)
            assert storage.streams() == ["one"]
            storage.records("one:more", SCHEMA).write([put_new("a", 1)])
            assert storage.streams("one:") == ["one:more"]
        finally:
            storage.close()

    def test_the_heads_of_all_streams_are_those_of_each(self) -> None:
        """Each is another after a write; a stream that was only looked at has none."""
        storage = self.make_storage(HeldClock(START))
        try:
            names = ["one", "one:a", "one:b", "one:}{", "two", "one:\N{MUSICAL SYMBOL G CLEF}"]
            for name in names:
                storage.records(name, SCHEMA).write([put_new("a", 1)])
            assert storage.records("one:c", SCHEMA).head().position == 0
            before = storage.heads()
            assert before == {name: storage.records(name, SCHEMA).head() for name in names}
            storage.records("one:b", SCHEMA).write([put_new("b", 1)])
            after = storage.heads("one:")
            assert after.keys() == {name for name in names if name.startswith("one:")}
            assert {name for name in after if after[name] != before[name]} == {"one:b"}
            assert storage.heads("one").keys() == {name for name in names if name != "two"}
            assert storage.streams("one:b") == ["one:b"]
        finally:
            storage.close()
