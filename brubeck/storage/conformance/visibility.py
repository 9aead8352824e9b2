"""Visibility: the present and former viewers of a record, and the secrecy of others' records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brubeck.storage.conformance.base import START, Suite, onward, replacing
from brubeck.storage.conformance.machine import put_new
from brubeck.storage.contract import RecordStream
from brubeck.storage.records import (
    Changes,
    ChangesQuery,
    Delete,
    FieldCondition,
    PageQuery,
    Written,
)
from brubeck.timekeeping import HeldClock

SECOND = 1_000_000


class Sights(Suite):
    """G8, as far as it is a storage's."""

    def test_a_viewer_sees_what_names_it(self) -> None:
        """By page, by count and by changes; by any field of sight, and each item once."""
        with self.stream() as stream:
            stream.write(
                [
                    put_new("a", 1, owner="ann"),
                    put_new("b", 2, owner="bob", readers=["ann", "eve"]),
                    put_new("c", 3, owner="bob"),
                    put_new("d", 4, owner="ann", readers=["ann"]),
                ]
            )
            assert _page(stream, "ann") == ["d", "b", "a"]
            assert _page(stream, "bob") == ["c", "b"]
            assert _page(stream, "nobody") == []
            assert _page(stream, "ann", limit=1) == ["d", "b", "a"]
            assert _page(stream, None) == ["d", "c", "b", "a"]
            assert stream.count(PageQuery(viewer="eve", limit=9)).total == 1
            assert [each.id for each in _changes(stream, "ann").changes] == ["a", "b", "d"]

    def test_for_a_viewer_there_is_nothing_else(self) -> None:
        """By its id, too; a tombstone is there for those that could see the item."""
        with self.stream() as stream:
            stream.write(
                [
                    put_new("a", 1, owner="ann", readers=["eve"]),
                    put_new("b", 1, owner="bob"),
                    put_new("c", 1, owner="ann"),
                    put_new("d", 1, owner="bob"),
                    Delete(id="c", token="c!"),
                    Delete(id="d", token="d!"),
                ]
            )
            ids = ["a", "b", "c", "d", "e"]
            assert _kinds(stream.get(ids)) == "RRTT-"
            assert _kinds(stream.get(ids, "ann")) == "R-T--"
            assert _kinds(stream.get(ids, "bob")) == "-R-T-"
            assert _kinds(stream.get(ids, "eve")) == "R----"
            position = _written(stream, put_new("c", 2, owner="bob"))
            assert _kinds(stream.get(["c"], "ann")) == "-"
            _written(stream, replacing("c", 2, position, owner="ann"))
            assert _kinds(stream.get(["c"], "bob")) == "-"
            assert _kinds(stream.get(["c"], "ann")) == "R"

    def test_what_leaves_a_sight_is_told_at_that_write_and_no_later_one(self) -> None:
        """A departure stands at its own position, independent of the item's later writes."""
        with self.stream() as stream:
            position = _written(stream, put_new("a", 1, owner="ann", readers=["bob"]))
            followed = _changes(stream, "bob")
            left = _written(stream, replacing("a", 1, position, owner="ann"))
            _written(stream, replacing("a", 1, left, owner="ann"))
            after = _changes(stream, "bob", followed)
            assert [(each.position, each.record) for each in after.changes] == [(left, None)]
            assert _changes(stream, "bob", after).changes == []
            assert [each.record is None for each in _changes(stream, "ann").changes] == [False]
            assert _page(stream, "bob") == []

    def test_what_comes_back_into_sight_has_not_left(self) -> None:
        """The departure is dropped: the item stands in the changes once."""
        with self.stream() as stream:
            position = _written(stream, put_new("a", 1, owner="ann"))
            position = _written(stream, replacing("a", 1, position, owner="bob"))
            position = _written(stream, replacing("a", 1, position, owner="ann"))
            found = _changes(stream, "ann").changes
            assert [(each.position, each.record is None) for each in found] == [(position, False)]

    def test_a_deletion_is_told_to_those_who_saw_the_item(self) -> None:
        """And to nobody else; a new life in another's hands takes it out of sight once more."""
        with self.stream() as stream:
            _written(stream, put_new("a", 1, owner="ann"))
            followed = _changes(stream, "ann")
            other = _changes(stream, "bob")
            gone = _written(stream, Delete(id="a", token="d"))
            found = _changes(stream, "ann", followed).changes
            assert [(each.position, each.record) for each in found] == [(gone, None)]
            assert _changes(stream, "bob", other).changes == []
            again = _written(stream, put_new("a", 2, owner="bob"))
            found = _changes(stream, "ann", followed).changes
            assert [(each.position, each.record) for each in found] == [(again, None)]
            assert [each.id for each in _changes(stream, "bob", other).changes] == ["a"]

    def test_departures_are_purged_like_tombstones(self) -> None:
        """The items that are still visible stay."""
        clock = HeldClock(START)
        with self.stream(clock) as stream:
            position = _written(stream, put_new("a", 1, owner="ann"))
            _written(stream, put_new("b", 1, owner="ann"))
            _written(stream, replacing("a", 1, position, owner="bob"))
            stream.write([put_new("c", 1, owner="ann"), Delete(id="c", token="d")])
            clock.advance(10 * SECOND)
            stream.purge(stream.head().position)
            found = _changes(stream, "ann").changes
            assert [(each.id, each.record is None) for each in found] == [("b", False)]

    def test_a_viewer_comes_to_the_head_after_a_purge(self) -> None:
        """Also while the clock stands, and has nothing to say of where the floor might be."""
        with self.stream() as stream:
            for item_id, owner in (("a", "ann"), ("b", "bob"), ("c", "ann")):
                _written(stream, put_new(item_id, 1, owner=owner))
            stream.purge(stream.head().position)
            _written(stream, put_new("d", 1, owner="ann"))
            query = ChangesQuery(limit=1, viewer="bob")
            for _ in range(5):
                found = stream.changes(query)
                if found.caught_up:
                    break
                query = onward(query, found)
            assert found.caught_up

    def test_a_filter_narrows_what_a_viewer_sees(self) -> None:
        """Both hold, in pages and in changes."""
        with self.stream() as stream:
            stream.write(
                [
                    put_new(f"{owner}{n}", n, owner=owner, magnitude=n)
                    for n in range(4)
                    for owner in ("ann", "bob")
                ]
            )
            where = (FieldCondition("magnitude", "gte", 2),)
            assert _page(stream, "ann", where=where) == ["ann3", "ann2"]
            assert stream.count(PageQuery(viewer="ann", where=where, limit=99)).total == 2
            found = _changes(stream, "ann", where=where)
            assert [each.id for each in found.changes] == ["ann2", "ann3"]

    def test_a_filter_tells_no_value_from_before_a_viewer_came(self) -> None:
        """For viewers that come late or come back, and for a reused id."""
        with self.stream() as stream:
            position = _written(stream, put_new("a", 1, owner="ann", magnitude=1))
            position = _written(stream, replacing("a", 1, position, owner="ann", magnitude=2))
            shared = {"owner": "ann", "readers": ["bob"]}
            position = _written(stream, replacing("a", 1, position, magnitude=2, **shared))
            position = _written(stream, replacing("a", 1, position, magnitude=3, **shared))
            position = _written(stream, put_new("b", 1, owner="bob", magnitude=2))
            position = _written(stream, replacing("b", 1, position, owner="ann", magnitude=2))
            position = _written(stream, replacing("b", 1, position, owner="ann", magnitude=1))
            position = _written(stream, replacing("b", 1, position, owner="bob", magnitude=3))
            _written(stream, put_new("c", 1, owner="ann", magnitude=1))
            _written(stream, Delete(id="c", token="c!"))
            position = _written(stream, put_new("c", 1, owner="bob", magnitude=2))
            _written(stream, replacing("c", 1, position, owner="bob", magnitude=3))
            told = {guess: _told(stream, "bob", guess) for guess in range(6)}
            assert told.pop(3) == {"a": True, "b": True, "c": True}
            assert told[2] == {"a": False, "b": False, "c": False}
            assert set(map(str, told.values())) == {str(told[2])}
            assert _told(stream, "ann", 1)["a"] is False
            assert "a" not in _told(stream, "ann", 5), "who was there all the time is told exactly"
            _written(stream, Delete(id="a", token="a!"))
            told = {guess: _told(stream, "bob", guess) for guess in (0, 1, 2, 4)}
            assert set(map(str, told.values())) == {str(told[2])}

    def test_no_position_that_a_viewer_is_shown_is_of_anothers_write(self) -> None:
        """It is of the viewer's own items, or of the clock; and following from it loses nothing."""
        clock = HeldClock(START)
        with self.stream(clock) as stream:
            theirs: set[int] = set()
            own: set[int] = set()
            places: set[int] = set()
            followed: Changes | None = None
            seen: list[str] = []
            for number in range(12):
                clock.advance(SECOND // 3)
                owner = "ann" if number % 4 == 0 else "bob"
                made = _written(stream, put_new(f"i{number}", 1, owner=owner))
                (own if owner == "ann" else theirs).add(made)
                clock.advance(1)
                page = stream.page(PageQuery(limit=2, viewer="ann"))
                followed = _changes(stream, "ann", followed)
                assert followed.caught_up
                seen += [each.id for each in followed.changes]
                places |= {page.follow("ann"), followed.position, followed.began}
            assert not places & theirs
            assert seen == ["i0", "i4", "i8"]
            assert max(places) > START

    def test_what_others_do_moves_nothing_that_a_viewer_is_shown(self) -> None:
        """Whether they read or write, and however soon before."""
        clock = HeldClock(START)
        with self.stream(clock) as stream, self.stream(clock) as silent:
            for step in (SECOND, SECOND // 10, SECOND // 2, 3 * SECOND // 2):
                clock.advance(step)
                _written(stream, put_new(f"i{clock.micros()}", 1, owner="bob"))
                _page(stream, "bob")
                _changes(stream, "bob")
                clock.advance(SECOND // 5)
                shown, alone = (
                    (
                        each.page(PageQuery(limit=1, viewer="ann")).follow("ann"),
                        _changes(each, "ann").position,
                    )
                    for each in (stream, silent)
                )
                assert shown == alone


def _written(stream: RecordStream, write: Any) -> int:
    (outcome,) = stream.write([write])
    assert isinstance(outcome, Written)
    return outcome.position


def _told(stream: RecordStream, viewer: str, guess: int) -> dict[str, bool]:
    """Return the items that a viewer finds by a filter: for each id, whether it is there."""
    where = (FieldCondition("magnitude", "eq", guess),)
    found = _changes(stream, viewer, where=where).changes
    return {each.id: each.record is not None for each in found}


def _kinds(found: Sequence[object]) -> str:
    """Return a letter for each: R for a record, T for a tombstone, - for nothing."""
    return "".join("-" if each is None else type(each).__name__[0] for each in found)


def _page(stream: RecordStream, viewer: str | None, limit: int = 9, **query: Any) -> list[str]:
    """Return the ids of a whole walk."""
    ids: list[str] = []
    start = None
    while True:
        page = stream.page(PageQuery(limit=limit, start=start, viewer=viewer, **query))
        ids += [record.id for record in page.records]
        start = page.stopped
        if start is None:
            return ids


def _changes(
    stream: RecordStream, viewer: str, after: Changes | None = None, **query: Any
) -> Changes:
    """Return the changes after others, or from the beginning."""
    if after is None:
        return stream.changes(ChangesQuery(limit=99, viewer=viewer, **query))
    return stream.changes(
        ChangesQuery(
            limit=99,
            after=after.position,
            era=after.era,
            began=after.began,
            viewer=viewer,
            **query,
        )
    )
