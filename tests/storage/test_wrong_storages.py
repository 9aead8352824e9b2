"""The conformance suite notices each way of breaking a promise: the tests of the tests."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import Phase, settings

from brubeck.storage import (
    ChangesQuery,
    LostCursor,
    Outcome,
    Page,
    PageQuery,
    RecordSchema,
    Storage,
    Write,
)
from brubeck.storage.conformance import StorageConformance
from brubeck.storage.memory import MemoryRecordStream, MemoryStorage
from brubeck.storage.records import Changes
from brubeck.timekeeping import Clock


class CutsTies(MemoryRecordStream):
    """Goes on after the time of the last item, as every paging by timestamp alone does."""

    def page(self, query: PageQuery) -> Page:
        page = super().page(query)
        if page.stopped is None:
            return page
        return msgspec.structs.replace(page, stopped=msgspec.structs.replace(page.stopped, id=None))


class CountsOffsets(MemoryRecordStream):
    """Repeats the last item of a page at the beginning of the next."""

    def page(self, query: PageQuery) -> Page:
        page = super().page(query)
        if page.stopped is None or len(page.records) < 2:
            return page
        last = page.records[-2]
        stopped = msgspec.structs.replace(page.stopped, created_at=last.created_at, id=last.id)
        return msgspec.structs.replace(page, stopped=stopped)


class TrustsTheClock(MemoryRecordStream):
    """Gives positions by the clock alone, and so sometimes one twice."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        self._head = 0
        return super().write(writes)


class ForgetsWhatReadersSaw(MemoryRecordStream):
    """Keeps no former values, so that an item leaves a filter without a word."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = super().write(writes)
        for entry in self._entries.values():
            entry.past.former.clear()
        return outcomes


class ForgetsWhoCouldSee(MemoryRecordStream):
    """Lets an item leave a sight without a word."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        outcomes = super().write(writes)
        for view in map(self._visibility.of, self._visibility.viewers()):
            for position, item_id in view.above(0, 1000):
                record = self._entries[item_id].record
                if record is None or record.position != position:
                    view.forget(item_id)
        return outcomes


class HidesPurges(MemoryRecordStream):
    """Forgets tombstones and leaves the horizon where it was."""

    def purge(self, until: int) -> int:
        purged = super().purge(until)
        self._horizon = 0
        return purged


class ReadsTheHeadLate(MemoryRecordStream):
    """Says that the changes after a page begin behind what the page did not show."""

    def page(self, query: PageQuery) -> Page:
        page = super().page(query)
        late = msgspec.structs.replace(page.head, position=page.head.position + 1)
        return msgspec.structs.replace(page, head=late)


class RunsAhead(MemoryRecordStream):
    """Tells a reader that it is further than it is."""

    def changes(self, query: ChangesQuery) -> Changes:
        found = super().changes(query)
        return msgspec.structs.replace(found, position=self._head)


class SpansRanges(MemoryRecordStream):
    """Takes the ranges of a condition for one that spans them all."""

    def page(self, query: PageQuery) -> Page:
        where = tuple(
            msgspec.structs.replace(each, value=(each.value[0], each.value[-1]))
            if isinstance(each.value, tuple)
            else each
            for each in query.where
        )
        return super().page(msgspec.structs.replace(query, where=where))


WRONG = (
    CutsTies,
    CountsOffsets,
    TrustsTheClock,
    ForgetsWhatReadersSaw,
    ForgetsWhoCouldSee,
    HidesPurges,
    ReadsTheHeadLate,
    RunsAhead,
    SpansRanges,
)


class WrongStorage(MemoryStorage):
    """A storage whose streams are all wrong in one way."""

    queryset_class: type[MemoryRecordStream]

    def records(self, name: str, schema: RecordSchema) -> MemoryRecordStream:
        return self._record_streams.setdefault(name, self.queryset_class(self, schema))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_storage_is_found_out(wrong: type[MemoryRecordStream]) -> None:
    """Some history shows what is wrong with it."""

    class Suite(StorageConformance):
        histories = settings(
            StorageConformance.histories, max_examples=1000, phases=[Phase.generate], database=None
        )

        def make_storage(self, clock: Clock) -> WrongStorage:
            storage = WrongStorage(clock=clock)
            storage.queryset_class = wrong
            return storage

        def another(self, storage: Storage, clock: Clock) -> Storage:
            return storage

    with pytest.raises((AssertionError, KeyError, LostCursor)):
        Suite().test_any_history_keeps_every_promise()


def test_a_part_of_the_suite_cannot_be_replaced() -> None:
    """A storage may not silence a promise it does not keep."""
    with pytest.raises(TypeError, match="may not replace"):
        type("Silent", (StorageConformance,), {"test_the_largest_body_comes_out": None})
