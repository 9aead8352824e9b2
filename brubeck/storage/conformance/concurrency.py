"""Several processes on one storage: each follows the other's writes and obeys its indexes.

A second `Storage` on the same data stands for the other process. Where a storage is not shared it
is the same object, and the promises hold trivially.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep

import pytest

from brubeck.storage.conformance.base import START, Suite, onward, replacing, walk
from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.contract import RecordStream, Storage
from brubeck.storage.errors import LostCursor, Unavailable
from brubeck.storage.records import (
    ChangesQuery,
    Delete,
    FieldCondition,
    PageQuery,
    Record,
    Written,
)
from brubeck.storage.schema import FieldInfo, RecordSchema
from brubeck.timekeeping import HeldClock

OLD = RecordSchema({"network": FieldInfo("string", indexed=True, equality=True)})
NEW = RecordSchema(
    {
        "network": FieldInfo("string", indexed=True, equality=True),
        "magnitude": FieldInfo("number", indexed=True, equality=True),
    }
)
STRONG = (FieldCondition("magnitude", "eq", 5),)


class Sharing(Suite):
    """The promises between processes."""

    @contextmanager
    def two(self) -> Iterator[tuple[Storage, Storage]]:
        """Open a new storage, and the same one again."""
        clock = HeldClock(START)
        first = self.make_storage(clock)
        second = self.another(first, clock)
        try:
            yield first, second
        finally:
            second.close()
            first.close()

    def test_what_one_process_writes_another_reads(self) -> None:
        """One order for the writes of all processes."""
        with self.two() as storages:
            one, other = (storage.records("quakes", SCHEMA) for storage in storages)
            positions: list[int] = []
            for number in range(10):
                for stream in (one, other):
                    (made,) = stream.write([put_new(f"i{len(positions)}", number)])
                    assert isinstance(made, Written)
                    positions.append(made.position)
            assert positions == sorted(set(positions))
            assert walk(one, limit=3) == walk(other, limit=3)
            assert one.head() == other.head()

    def test_a_write_is_known_to_every_process(self) -> None:
        """G7: a token that one process sent is not done again by another."""
        with self.two() as storages:
            one, other = (storage.records("quakes", SCHEMA) for storage in storages)
            put = put_new("a", 1)
            (made,) = one.write([put])
            assert other.write([put]) == [made]
            assert isinstance(made, Written)
            delete = Delete(id="a", token="gone", expected=made.position)
            assert one.write([delete]) == other.write([delete])

    def test_a_reader_is_woken_by_another_process(self) -> None:
        """Within a second, over any channel of notifications."""
        with self.two() as storages:
            one, other = (storage.records("quakes", SCHEMA) for storage in storages)
            for number in range(3):
                head = other.head().position
                woken: list[bool] = []
                thread = threading.Thread(
                    target=lambda at=head: woken.append(other.wait(at, 20))  # noqa: B023, it ends within its turn
                )
                thread.start()
                one.write([put_new(f"i{number}", 1)])
                thread.join(20)
                assert woken == [True]

    def test_an_era_holds_for_every_process(self) -> None:
        """G6: a place is lost wherever it is read."""
        with self.two() as (one, other):
            one.records("quakes", SCHEMA).write([put_new("a", 1)])
            head = other.records("quakes", SCHEMA).head()
            assert one.new_era() != head.era
            with pytest.raises(LostCursor):
                other.records("quakes", SCHEMA).changes(
                    ChangesQuery(limit=1, after=head.position, era=head.era)
                )

    def test_attempts_and_hits_are_shared(self) -> None:
        """A retry and a rate limit meet the same memory in every process."""
        with self.two() as (one, other):
            assert one.attempt("key", b"d", b"plan", lease=60, keep=600).ours
            assert not other.attempt("key", b"d", b"plan", lease=60, keep=600).ours
            assert (one.hit("a", 60), other.hit("a", 60)) == (1, 2)

    def test_old_and_new_programs_write_while_an_index_is_built(self) -> None:
        """A new filter is refused until it is complete, and then loses nothing of either."""
        with self.two() as (one, other):
            old = one.records("quakes", OLD)
            old.write([put_new(f"before{n:04}", n, magnitude=n % 10) for n in range(1200)])
            new = other.records("quakes", NEW)
            _until_complete(new, old)
            new.write([put_new("new", 1, magnitude=5)])
            (made,) = old.write([put_new("old", 1, magnitude=5)])
            assert isinstance(made, Written)
            truth = {each.id for each in _records(old) if b'"magnitude":5' in each.body}
            seen = [key[1] for key in walk(new, limit=50, where=STRONG)]
            assert len(seen) == len(truth)
            assert set(seen) == truth
            assert new.count(PageQuery(where=STRONG, limit=10_000)).total == len(truth)

            # The old program reports the items that leave the filter by its writes, too.
            head = new.head()
            old.write([replacing("old", 1, made.position, magnitude=1)])
            query = ChangesQuery(limit=9, after=head.position, era=head.era, where=STRONG)
            assert [(each.id, each.record) for each in new.changes(query).changes] == [
                ("old", None)
            ]
            old.write([Delete(id="new", token="d")])
            assert "new" not in [key[1] for key in walk(new, limit=50, where=STRONG)]

    def test_a_schema_that_asks_for_more_is_served(self) -> None:
        """Also where the same process has asked for the stream before."""
        with self.two() as (one, _):
            old = one.records("quakes", OLD)
            old.write([put_new(f"i{n}", n, magnitude=n, network="ci") for n in range(9)])
            old.write([put_new("gone", 1), Delete(id="gone", token="d")])
            old.purge(old.head().position)
            new = one.records("quakes", NEW)
            _until_complete(new, old)
            assert (5, "i5") in walk(new, limit=2, where=STRONG)
            network = (FieldCondition("network", "eq", "ci"),)
            assert len(walk(new, limit=4, where=network)) == 9

    def test_followers_of_two_processes_see_what_both_write(self) -> None:
        """G3: from threads of two processes, all that was written, in order, none behind."""
        with self.two() as storages:
            streams = [storage.records("quakes", SCHEMA) for storage in storages]

            def work(stream: RecordStream, name: str) -> None:
                for number in range(50):
                    stream.write([put_new(f"{name}{number}", number)])

            threads = [
                threading.Thread(target=work, args=(stream, f"{n}-{m}-"))
                for n, stream in enumerate(streams)
                for m in range(2)
            ]
            for thread in threads:
                thread.start()
            seen: list[list[int]] = [[], []]
            queries = [ChangesQuery(limit=7) for _ in streams]
            end = monotonic() + 60
            while min(map(len, seen)) < 200 and monotonic() < end:
                for n, stream in enumerate(streams):
                    found = stream.changes(queries[n])
                    seen[n] += [change.position for change in found.changes]
                    queries[n] = onward(queries[n], found)
                    if found.caught_up:
                        stream.wait(found.position, 0.05)
            for thread in threads:
                thread.join()
            assert seen[0] == seen[1] == sorted(set(seen[0]))
            assert len(seen[0]) == 200

    def test_many_followers_of_one_process_miss_nothing(self) -> None:
        """G3: each from a place of its own, at its own pace, while items change and go."""
        with self.two() as (storage, _), ThreadPoolExecutor(12) as pool:
            stream, over = storage.records("quakes", SCHEMA), threading.Event()
            places = [
                _position(stream.write([put_new(f"early{number}", number)])[0])
                for number in range(10)
            ]
            era = stream.head().era
            queries = [
                ChangesQuery(limit=3 + number % 2, after=place, era=era)
                for number, place in enumerate(places)
            ]
            views = [pool.submit(_view, stream, query, over) for query in queries]
            for writer in [pool.submit(_change_much, stream, name) for name in "ab"]:
                writer.result()
            over.set()
            there = {each.id: each.position for each in stream.page(PageQuery(limit=99)).records}
            for place, view in zip(places, views, strict=True):
                assert view.result() == {i: p for i, p in there.items() if p > place}


def _change_much(stream: RecordStream, name: str) -> None:
    """Create, replace and delete items of one name."""
    for number in range(40):
        item = f"{name}{number % 7}"
        (found,) = stream.get([item])
        expected = found.position if isinstance(found, Record) else None
        stream.write([put_new(item, number, expected=expected)])
        if number % 3 == 0:
            stream.write([Delete(id=item, token=f"{item} {number}")])


def _view(stream: RecordStream, query: ChangesQuery, over: threading.Event) -> dict[str, int]:
    """Follow until all is over, and return the positions of the items that are there then."""
    view: dict[str, int] = {}
    end = monotonic() + 60
    while monotonic() < end:
        is_last = over.is_set()
        found = stream.changes(query)
        place = query.after or 0
        for change in found.changes:
            assert change.position > place
            place = change.position
            view.pop(change.id, None)
            if change.record is not None:
                view[change.id] = change.position
        query = onward(query, found)
        if found.caught_up and is_last:
            break
        if found.caught_up:
            stream.wait(found.position, 0.05)
    return view


def _position(outcome: object) -> int:
    assert isinstance(outcome, Written)
    return outcome.position


def _until_complete(new: RecordStream, old: RecordStream) -> None:
    """Write by an old program until a new one may filter."""
    end = monotonic() + 60
    number = 0
    while True:
        number += 1
        old.write([put_new(f"during{number:04}", number, magnitude=5)])
        try:
            new.page(PageQuery(limit=1, where=STRONG))
        except Unavailable:
            assert monotonic() < end, "an index was never complete"
            sleep(0.001)
        else:
            return


def _records(stream: RecordStream) -> list[Record]:
    records: list[Record] = []
    query = PageQuery(limit=200)
    while True:
        page = stream.page(query)
        records += page.records
        if page.stopped is None:
            return records
        query = PageQuery(limit=200, start=page.stopped)
