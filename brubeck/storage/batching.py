"""Batching: the jobs of several callers run together and share their cost.

Jobs that come while a batch is under way wait for the next one. So a lone caller never waits for
others, and many share the commits, flushes or round trips of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Generic, TypeVar, cast

from brubeck import green

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

    __slots__ = ("done", "error", "job", "result")

    def __init__(self, job: J) -> None:
        self.job = job
        self.result: R | None = None
        self.error: BaseException | None = None
        self.done = False


class Batches(Generic[J, R]):
    """Runs jobs in batches, one batch at a time."""

    def __init__(self, run: Callable[[Sequence[Waiting[J, R]]], object]) -> None:
        self._run = run
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
        if not waiting.done:
            with self._done:
                while not waiting.done:
                    self._done.wait()
        if waiting.error is not None:
            raise waiting.error
        return cast("R", waiting.result)

    def _lead(self) -> None:
        """Run batches here, or where nobody interrupts: a caller may leave nothing undone."""
        if green.engine().interrupts:
            green.spawn(self._run_all)
        else:
            self._run_all()

    def _run_all(self) -> None:
        batch = self._next([])
        while batch:
            try:
                self._run(batch)
            except BaseException as reason:  # noqa: BLE001, it is raised where it was asked for
                for each in batch:
                    each.error = each.error or reason
            finally:
                batch = self._next(batch)

    def _next(self, done: Sequence[Waiting[J, R]]) -> Sequence[Waiting[J, R]]:
        """Release the callers of a finished batch; return the next batch, empty when none waits."""
        with self._done:
            for each in done:
                each.done = True
            batch, self._waiting = self._waiting, []
            self._running = bool(batch)
            self._done.notify_all()
        return batch

    def finish(self) -> None:
        """Wait until nothing is under way."""
        with self._done:
            while self._running:
                self._done.wait()


class ListBatches(Generic[J, R]):
    """Runs lists of jobs as one list, at most ``limit`` of them in one go; each keeps its order."""

    def __init__(self, run: Callable[[Sequence[J]], Sequence[R]], limit: int) -> None:
        self._run = run
        self._limit = limit
        self._batches: Batches[Sequence[J], list[R]] = Batches(self._run_all)

    def do(self, jobs: Sequence[J]) -> list[R]:
        """Have jobs done, together with those of others, and return their results in order."""
        return self._batches.do(jobs)

    def _run_all(self, batch: Sequence[Waiting[Sequence[J], list[R]]]) -> None:
        jobs = [each for waiting in batch for each in waiting.job]
        starts = range(0, len(jobs), self._limit)
        results = chain.from_iterable([self._run(jobs[at : at + self._limit]) for at in starts])
        for waiting in batch:
            waiting.result = list(islice(results, len(waiting.job)))
