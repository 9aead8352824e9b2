"""Doing together what several callers ask for one by one, and so sharing what it costs.

Whatever comes while a batch is under way waits for the next one. So a lone caller waits for nobody,
and many share the commits, flushes or round trips of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from brubeck import green

J = TypeVar("J")
R = TypeVar("R")


class Waiting(Generic[J, R]):
    """What somebody asked for, and what became of it: a result, or an error."""

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
        while True:
            with self._done:
                batch, self._waiting = self._waiting, []
                if not batch:
                    self._running = False
                    self._done.notify_all()
                    return
            try:
                self._run(batch)
            except Exception as reason:  # noqa: BLE001, it is raised where it was asked for
                for each in batch:
                    each.error = each.error or reason
            finally:
                with self._done:
                    for each in batch:
                        each.done = True
                    self._done.notify_all()

    def finish(self) -> None:
        """Wait until nothing is under way."""
        with self._done:
            while self._running:
                self._done.wait()
