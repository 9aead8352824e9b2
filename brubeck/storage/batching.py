"""Batching: the jobs of several callers run together and share their cost.

Jobs that come while a batch is under way wait for the next one. So a lone caller never waits for
others, and many share the commits, flushes or round trips of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, Generic, TypeVar, cast

from brubeck import green

_LONG: Final = 2
"""How many long lists run at a time: with more of them others would wait for the storage."""

T = TypeVar("T")
J = TypeVar("J")
R = TypeVar("R")


def pieces(things: Iterable[T], cost: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """Yield things in lists, each as long as its cost allows; one thing may cost more.

    >>> list(pieces([1, 2, 3, 9, 1], int, 5))
    [[1, 2], [3], [9], [1]]
    """
    piece: list[T] = []
    spent = 0
    for thing in things:
        price = cost(thing)
        if piece and spent + price > most:
            yield piece
            piece, spent = [], 0
        piece.append(thing)
        spent += price
    if piece:
        yield piece


class Waiting(Generic[J, R]):
    """A caller's job and its outcome: a result, or an error."""

    __slots__ = ("done", "error", "job", "leads", "result")

    def __init__(self, job: J) -> None:
        self.job = job
        self.result: R | None = None
        self.error: BaseException | None = None
        self.done = False
        self.leads = False
        """Whether its caller has to run the batch that it is in."""


class Batches(Generic[J, R]):
    """Runs jobs in batches, one batch at a time.

    A batch holds the jobs that wait when it begins, in their order, as far as they are ``limit``
    together by the ``size`` of each; one job may be larger.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Waiting[J, R]]], object],
        size: Callable[[J], int] = lambda _job: 0,
        limit: int = 0,
    ) -> None:
        self._run = run
        self._size = size
        self._limit = limit
        self._waiting: list[Waiting[J, R]] = []
        self._running = False
        self._done = green.Condition(green.Lock())

    def do(self, job: J) -> R:
        """Have a job done with the next batch, and return its result or raise its error."""
        waiting: Waiting[J, R] = Waiting(job)
        with self._done:
            self._waiting.append(waiting)
            leads, self._running = not self._running, True
            if leads:
                self._lead()
            while not (waiting.done or waiting.leads):
                self._done.wait()
        if waiting.leads:
            self._run_batch()
        if waiting.error is not None:
            raise waiting.error
        return cast("R", waiting.result)

    def _lead(self) -> None:
        """Have the next batch run by the first caller in it; nobody runs more than its own.

        Where callers can be interrupted a green thread of its own runs it: they may leave nothing
        undone.
        """
        if green.engine().interrupts:
            green.spawn(self._run_batch)
        else:
            self._waiting[0].leads = True

    def _run_batch(self) -> None:
        with self._done:
            batch = next(pieces(self._waiting, self._size_of, self._limit), [])
            del self._waiting[: len(batch)]
        try:
            self._run(batch)
        except BaseException as reason:  # noqa: BLE001, it is raised where it was asked for
            for each in batch:
                each.error = each.error or reason
        finally:
            with self._done:
                for each in batch:
                    each.done = True
                self._running = bool(self._waiting)
                if self._running:
                    self._lead()
                self._done.notify_all()

    def _size_of(self, waiting: Waiting[J, R]) -> int:
        return self._size(waiting.job)

    def length(self) -> int:
        """Return how many jobs are waiting or under way, the latter as one."""
        return len(self._waiting) + self._running

    def finish(self) -> None:
        """Wait until nothing is under way."""
        with self._done:
            while self._running:
                self._done.wait()


class ListBatches(Generic[J, R]):
    """Runs lists of jobs, at most ``limit`` of them in one go; each list keeps its order.

    Short lists run together as one. A longer one runs alone, in several goes: two of them run at a
    time, so that one is prepared while the storage works for the other.
    """

    def __init__(self, run: Callable[[Sequence[J]], Sequence[R]], limit: int) -> None:
        self._run = run
        self._limit = limit
        short, *long = (Batches(self._run_all, len, limit) for _ in range(1 + _LONG))
        self._short: Batches[Sequence[J], list[R]] = short
        self._long: list[Batches[Sequence[J], list[R]]] = long

    def do(self, jobs: Sequence[J]) -> list[R]:
        """Have jobs done, perhaps with those of others, and return their results in order."""
        is_short = len(jobs) < self._limit
        batches = self._short if is_short else min(self._long, key=Batches.length)
        return batches.do(jobs)

    def _run_all(self, batch: Sequence[Waiting[Sequence[J], list[R]]]) -> None:
        jobs = [each for waiting in batch for each in waiting.job]
        starts = range(0, len(jobs), self._limit)
        results = chain.from_iterable([self._run(jobs[at : at + self._limit]) for at in starts])
        for waiting in batch:
            waiting.result = list(islice(results, len(waiting.job)))
