"""Writes: lives of ids, expectations, tokens, one winner; and readers that are woken."""

from __future__ import annotations

import threading
from typing import Any

from brubeck.storage.conformance.base import Suite, replacing, walk
from brubeck.storage.conformance.machine import put_new
from brubeck.storage.contract import RecordStream
from brubeck.storage.records import (
    ChangesQuery,
    Delete,
    FieldCondition,
    PageQuery,
    Put,
    Record,
    Refused,
    Tombstone,
    Written,
)


class Writing(Suite):
    """G7, and the meaning of a write."""

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
            assert walk(stream, limit=9, descending=True) == [(3, "a")]

    def test_a_write_expects_its_item_where_it_stands(self) -> None:
        """Replacing and deleting are refused where the item has moved, or is not there."""
        with self.stream() as stream:
            (made,) = stream.write([put_new("a", 1)])
            assert isinstance(made, Written)
            (moved,) = stream.write([replacing("a", 1, made.position)])
            assert isinstance(moved, Written)
            late = replacing("a", 1, made.position)
            assert stream.write([late]) == [Refused("moved", moved.position)]
            stale = Delete(id="a", token="x", expected=made.position)
            assert stream.write([stale]) == [Refused("moved", moved.position)]
            assert stream.write([replacing("b", 1, 7)]) == [Refused("missing", None)]
            assert stream.write([Delete(id="b", token="y")]) == [Refused("missing", None)]

    def test_the_time_of_an_item_stands_as_long_as_it_lives(self) -> None:
        """A write that says otherwise changes the item and leaves it where it is."""
        with self.stream() as stream:
            (made,) = stream.write([put_new("a", 1)])
            stream.write([put_new("b", 2)])
            assert isinstance(made, Written)
            stream.write([replacing("a", 9, made.position)])
            assert walk(stream, limit=9, descending=True) == [(2, "b"), (1, "a")]
            assert walk(stream, limit=9, descending=True, since=2) == [(2, "b")]

    def test_versions_count_the_writes_of_a_life(self) -> None:
        """Refused and repeated writes do not count, and a new life begins with 1."""
        with self.stream() as stream:
            (made,) = stream.write([put_new("a", 1, depth=1)])
            stream.write([put_new("a", 1, depth=1), put_new("b", 2, depth=1)])
            assert isinstance(made, Written)
            replaced = replacing("a", 1, made.position, depth=2)
            (moved,) = stream.write([replaced])
            stream.write([replaced, replacing("a", 1, made.position, depth=3)])
            assert _versions(stream) == {"a": 2, "b": 1}
            assert isinstance(moved, Written)
            stream.write([replacing("a", 1, moved.position, depth=4)])
            assert _versions(stream) == {"a": 3, "b": 1}
            stream.write([Delete(id="a", token="d")])
            stream.write([put_new("a", 3, depth=1)])
            assert _versions(stream) == {"a": 1, "b": 1}

    def test_of_nothing_there_is_nothing(self) -> None:
        """No ids and no writes."""
        with self.stream() as stream:
            assert stream.get([]) == []
            assert stream.write([]) == []

    def test_each_write_of_a_batch_stands_for_itself(self) -> None:
        """A refused write holds up none beside it, and the outcomes keep their order."""
        with self.stream() as stream:
            outcomes = stream.write([put_new("a", 1), put_new("a", 2), put_new("b", 3)])
            assert [type(each) for each in outcomes] == [Written, Refused, Written]
            assert len(walk(stream, limit=9, descending=True)) == 2

    def test_a_write_that_is_sent_twice_happens_once(self) -> None:
        """G7: a repeated token gets its first outcome, also after others wrote."""
        with self.stream() as stream:
            create = put_new("a", 1)
            first = stream.write([create])
            assert stream.write([create]) == first
            assert isinstance(first[0], Written)
            replace = replacing("a", 1, first[0].position)
            second = stream.write([replace])
            assert isinstance(second[0], Written)
            third = stream.write([replacing("a", 1, second[0].position)])
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
                outcomes = _at_once([replacing("a", 1, position) for _ in range(_WRITERS)], stream)
                winners = [each for each in outcomes if isinstance(each, Written)]
                assert len(winners) == 1
                position = winners[0].position
                (found,) = stream.get(["a"])
                assert isinstance(found, Record)
                assert found.position == position

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


_WRITERS = 8


def _at_once(writes: list[Put], stream: RecordStream) -> list[Any]:
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


def _versions(stream: RecordStream) -> dict[str, int]:
    """Return the version of each item, which is the same however it is read."""
    pages = [
        stream.page(PageQuery(limit=9, descending=descending, where=where)).records
        for descending in (True, False)
        for where in ((), (FieldCondition("depth", "gte", 0),))
    ]
    changes = stream.changes(ChangesQuery(limit=9)).changes
    records = [each.record for each in changes if each.record is not None]
    found = stream.get(sorted(each.id for each in records))
    live = [each for each in found if isinstance(each, Record)]
    versions = {each.id: each.version for each in live}
    for some in (*pages, records):
        assert {each.id: each.version for each in some} == versions
    return versions
