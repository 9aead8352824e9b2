"""Followers that share steps: each gets its own, as if it had asked alone."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import pytest

from brubeck.green.waking import FairSemaphore
from brubeck.storage import Changes, ChangesQuery, LostCursor, RecordStream, Unavailable, Written
from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.memory import MemoryStorage
from brubeck.storage.records import FieldCondition
from brubeck.storage.shared_steps import AT_ONCE, SharedSteps
from tests.servers import wait_until

FOLLOWERS = 12


class Slow:
    """The steps of a stream; their reads begin when they are let go."""

    def __init__(self, read: Callable[[ChangesQuery], Changes]) -> None:
        self._read = read
        self.asked: list[ChangesQuery] = []
        self.go = threading.Semaphore(0)
        self.fails: BaseException | None = None

    def __call__(self, query: ChangesQuery) -> Changes:
        """Read, or fail, when it is time."""
        self.asked.append(query)
        assert self.go.acquire(timeout=20)
        if self.fails is not None:
            raise self.fails
        return self._read(query)


@pytest.fixture
def stream() -> RecordStream:
    """Return a stream of some items."""
    stream = MemoryStorage().records("quakes", SCHEMA)
    stream.write([put_new(f"i{number}", number, magnitude=number) for number in range(30)])
    return stream


class Crowd:
    """Followers in threads of their own, of which the first one reads alone."""

    def __init__(self, stream: RecordStream, pool: ThreadPoolExecutor) -> None:
        self.slow = Slow(stream.changes)
        self.steps = SharedSteps(self.slow, FairSemaphore(AT_ONCE))
        self._pool = pool

    def ask(self, queries: list[ChangesQuery]) -> list[Future[Changes]]:
        """Let the first one begin to read, and the others ask meanwhile."""
        first = self._pool.submit(self.steps.step, queries[0])
        wait_until(lambda: bool(self.slow.asked))
        others = [self._pool.submit(self.steps.step, each) for each in queries[1:]]
        wait_until(self._all_wait(len(others)))
        return [first, *others]

    def _all_wait(self, count: int) -> Callable[[], bool]:
        def waiting() -> bool:
            groups = list(self.steps._waiting.values())
            return sum(map(len, groups)) + len(self.slow.asked) - 1 == count

        return waiting


def places(stream: RecordStream) -> list[ChangesQuery]:
    """Return queries of followers at places of their own."""
    found = stream.changes(ChangesQuery(limit=100))
    chosen = random.Random(7).choices([0, *(each.position for each in found.changes)], k=FOLLOWERS)
    return [ChangesQuery(limit=100, after=after, era=found.era) for after in chosen]


def test_followers_at_different_places_share_a_step(stream: RecordStream) -> None:
    """Two reads for twelve: one for the first, one for those that asked meanwhile."""
    queries = places(stream)
    with ThreadPoolExecutor(FOLLOWERS) as pool:
        crowd = Crowd(stream, pool)
        found = crowd.ask(queries)
        stream.write([put_new("new", 1)])  # the others' step begins after it
        crowd.slow.go.release(FOLLOWERS)
        assert [each.result(20) for each in found[1:]] == list(map(stream.changes, queries[1:]))
        assert found[0].result(20).changes[-1].id == "new"
    assert len(crowd.slow.asked) == 2
    assert crowd.steps._waiting == {}


def test_a_step_that_is_full_is_shared_as_far_as_it_goes(stream: RecordStream) -> None:
    """A place past its end is read by itself."""
    full = [msgspec.structs.replace(each, limit=5) for each in places(stream)]
    with ThreadPoolExecutor(FOLLOWERS) as pool:
        crowd = Crowd(stream, pool)
        found = crowd.ask(full)
        crowd.slow.go.release(2 * FOLLOWERS)
        for query, each in zip(full, found, strict=True):
            alone, step = stream.changes(query), each.result(20)
            assert step.changes == alone.changes[: len(step.changes)]
            assert step.changes or not alone.changes
            assert step.position <= alone.position


def test_few_steps_are_read_at_the_same_time(stream: RecordStream) -> None:
    """Thousands of followers that wake at one write leave connections to requests of pages.

    They are those of a storage: followers of one that does not answer keep nobody else waiting.
    """
    count = 3 * AT_ONCE
    queries = [ChangesQuery(limit=100, viewer=f"v{number}") for number in range(count)]
    slow = Slow(stream.changes)
    places = FairSemaphore(AT_ONCE)
    steps = SharedSteps(slow, places)
    with ThreadPoolExecutor(count) as pool:
        found = [pool.submit(steps.step, each) for each in queries]
        wait_until(lambda: len(steps._waiting) == count and places.waiting == 2 * AT_ONCE)
        assert len(slow.asked) == AT_ONCE
        elsewhere = SharedSteps(stream.changes, FairSemaphore(AT_ONCE))
        assert elsewhere.step(queries[0]) == stream.changes(queries[0])
        slow.go.release(count)
        assert [each.result(20) for each in found] == list(map(stream.changes, queries))


@pytest.mark.parametrize(
    "narrow",
    [
        {"where": (FieldCondition("magnitude", "gte", 3.0),)},
        {"viewer": "ann"},
        {"limit": 7},
        {"began": 1},
        {"era": None},
    ],
    ids=str,
)
def test_different_questions_share_nothing(stream: RecordStream, narrow: dict[str, object]) -> None:
    """With a filter or a viewer, only followers at the same place ask for the same step."""
    first, second = places(stream)[:2]
    other = msgspec.structs.replace(second, **narrow)
    with ThreadPoolExecutor(3) as pool:
        crowd = Crowd(stream, pool)
        found = crowd.ask([first, other, msgspec.structs.replace(other)])
        crowd.slow.go.release(9)
        assert [each.result(20) for each in found] == list(
            map(stream.changes, [first, other, other])
        )
    assert len(crowd.slow.asked) in (2, 3)
    assert first in crowd.slow.asked
    assert other in crowd.slow.asked


@pytest.mark.parametrize(
    "narrow", [{"where": (FieldCondition("magnitude", "gte", 3.0),)}, {"viewer": "ann"}], ids=str
)
def test_places_share_no_step_with_a_filter_or_a_viewer(
    stream: RecordStream, narrow: dict[str, object]
) -> None:
    """An item that left the filter between two places is gone for the later one alone."""
    first = places(stream)[0]
    queries = [msgspec.structs.replace(first, after=after, **narrow) for after in (0, 1, 2)]
    with ThreadPoolExecutor(3) as pool:
        crowd = Crowd(stream, pool)
        pool.submit(crowd.steps.step, queries[0])
        wait_until(lambda: bool(crowd.slow.asked))
        for each in queries[1:]:
            pool.submit(crowd.steps.step, each)
        wait_until(lambda: len(crowd.slow.asked) == 3)
        crowd.slow.go.release(9)
    assert sorted(crowd.slow.asked, key=repr) == sorted(queries, key=repr)


def test_a_lost_place_is_one_followers_alone(stream: RecordStream) -> None:
    """The others that have asked with it read for themselves."""
    queries = places(stream)
    head = stream.head().position
    stream.write([put_new("late", 1)])
    lost = ChangesQuery(limit=100, after=1, era=queries[0].era)
    (gone,) = stream.write([put_new("gone", 1)])
    assert isinstance(gone, Written)
    with ThreadPoolExecutor(FOLLOWERS) as pool:
        crowd = Crowd(stream, pool)
        good = [msgspec.structs.replace(each, after=head) for each in queries[:3]]
        found = crowd.ask([good[0], lost, *good[1:]])
        crowd.slow.fails = LostCursor("purged")
        crowd.slow.go.release()  # the first one's read
        assert isinstance(found[0].exception(20), LostCursor)
        crowd.slow.go.release()
        assert isinstance(found[1].exception(20), LostCursor)
        crowd.slow.fails = None
        crowd.slow.go.release(9)
        assert [each.result(20) for each in found[2:]] == list(map(stream.changes, good[1:]))
    assert crowd.steps._waiting == {}


def test_a_server_that_does_not_answer_is_waited_for_once(stream: RecordStream) -> None:
    """Those that have waited for its timeout do not wait for another one; later ones ask anew."""
    queries = places(stream)
    with ThreadPoolExecutor(FOLLOWERS) as pool:
        crowd = Crowd(stream, pool)
        crowd.slow.fails = Unavailable("no answer")
        found = crowd.ask(queries)
        crowd.slow.go.release()
        assert all(isinstance(each.exception(20), Unavailable) for each in found)
        assert len(crowd.slow.asked) == 1
        crowd.slow.fails = None
        crowd.slow.go.release()
        assert crowd.steps.step(queries[0]) == stream.changes(queries[0])
    assert crowd.steps._waiting == {}


def test_one_that_is_interrupted_leaves_the_others_their_step(stream: RecordStream) -> None:
    """As a green thread is by its timeout, while it reads for them."""
    queries = places(stream)
    with ThreadPoolExecutor(FOLLOWERS) as pool:
        crowd = Crowd(stream, pool)
        found = crowd.ask(queries)
        crowd.slow.go.release()
        assert found[0].result(20) == stream.changes(queries[0])
        wait_until(lambda: len(crowd.slow.asked) == 2)
        crowd.slow.fails = KeyboardInterrupt()
        crowd.slow.go.release()
        wait_until(lambda: any(each.done() and each.exception() for each in found))
        crowd.slow.fails = None
        crowd.slow.go.release(FOLLOWERS)
        ended = [each.exception(20) for each in found]
        assert [type(each) for each in ended if each is not None] == [KeyboardInterrupt]
        for query, each in zip(queries, found, strict=True):
            assert each.exception() or each.result() == stream.changes(query)
    assert crowd.steps._waiting == {}
