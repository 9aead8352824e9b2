"""Jobs that run together: nobody works for the others for longer than its own job takes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from brubeck.storage.batching import Batches, ListBatches, Waiting
from tests.servers import wait_until

MORE = 300
"""So many jobs come while the first one's batches could still be running."""


def test_a_caller_that_leads_returns_when_its_own_job_is_done() -> None:
    """On plain threads it ran the batches of all others, for as long as any of them came."""
    returned, begun = threading.Event(), threading.Event()
    ran = 0

    def is_over() -> bool:
        return returned.is_set() or ran > MORE

    def run(batch: Sequence[Waiting[str, str]]) -> None:
        nonlocal ran
        ran += 1
        begun.set()
        wait_until(lambda: bool(batches._waiting) or is_over())
        for each in batch:
            each.result = each.job

    def lead() -> None:
        assert batches.do("first") == "first"
        returned.set()

    def follow() -> None:
        while not is_over():
            assert batches.do("more") == "more"

    batches = Batches(run)
    with ThreadPoolExecutor(5) as pool:
        callers = [pool.submit(lead)]
        assert begun.wait(20)
        callers += [pool.submit(follow) for _ in range(4)]
        for each in callers:
            each.result(20)
    assert ran <= MORE


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_each_job_is_done_once_and_each_caller_gets_its_own_result(threads: int) -> None:
    """Also where some of them fail, and where each batch holds many."""
    done: list[int] = []

    def run(jobs: Sequence[int]) -> list[int]:
        done.extend(jobs)
        return [-job for job in jobs]

    batches = ListBatches(run, 7)

    def work(start: int) -> bool:
        return all(
            batches.do(range(at, at + 3)) == [-at, -at - 1, -at - 2]
            for at in range(start, start + 600, 3)
        )

    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(work, range(0, threads * 600, 600)))
    assert sorted(done) == list(range(threads * 600))


@pytest.mark.parametrize("length", [7, 100])
def test_a_long_list_does_not_wait_for_the_others(length: int) -> None:
    """Else all ran together, while none of their callers prepared its next one."""
    ran: set[int] = set()
    returned: list[int] = []
    begun, proceed = threading.Event(), threading.Event()

    def run(jobs: Sequence[int]) -> list[int]:
        begun.set()
        assert proceed.wait(20)
        ran.update(jobs)
        wait_until(lambda: len(ran) - len(returned) <= 3, what="lists that are done are held")
        return list(jobs)

    def work(number: int) -> None:
        assert batches.do([number] * length) == [number] * length
        returned.append(number)

    batches = ListBatches(run, 7)
    with ThreadPoolExecutor(12) as pool:
        callers = [pool.submit(work, number) for number in range(12)]
        assert begun.wait(20)
        wait_until(lambda: sum(map(Batches.length, batches._long)) == 12)
        proceed.set()
        for each in callers:
            each.result(20)


def test_an_error_reaches_those_of_its_batch_alone() -> None:
    """The next batch runs as if nothing had been."""
    failing = True

    def run(batch: Sequence[Waiting[int, int]]) -> None:
        if failing:
            raise OSError("broken")
        for each in batch:
            each.result = each.job

    batches = Batches(run)
    with pytest.raises(OSError, match="broken"):
        batches.do(1)
    failing = False
    assert batches.do(2) == 2
    batches.finish()
