"""The guard over the time of requests: one thread, however many there are, and none for long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from brubeck.client.guard import Guard
from tests.servers import wait_until


class Counting(Guard):
    """A guard that counts its threads."""

    threads = 0

    def _run(self) -> None:
        self.threads += 1
        super()._run()
        self.threads -= 1


def test_the_time_of_each_request_ends_by_itself() -> None:
    """A shorter one that comes later ends first, and one that is done in time ends nothing."""
    ended = threading.Semaphore(0)
    guard = Counting(ended.release)
    with guard.within(60) as long, guard.within(0.01) as short:
        assert ended.acquire(timeout=10)
        assert (long.is_over, short.is_over) == (False, True)
        with guard.within(0.01) as another:
            assert ended.acquire(timeout=10)
        assert another.is_over
        assert guard.threads == 1
    guard.close()
    wait_until(lambda: guard.threads == 0)
    assert not ended.acquire(blocking=False)


def test_many_requests_share_a_thread() -> None:
    """Also those of many threads, again and again."""
    ended: list[bool] = []
    guard = Counting(lambda: ended.append(True))

    def request(_: int) -> bool:
        with guard.within(30) as watch:
            return guard.threads <= 1 and not watch.is_over

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(request, range(500)))
    guard.close()
    wait_until(lambda: guard.threads == 0)
    assert ended == []


def test_a_guard_watches_again_after_its_thread_has_ended() -> None:
    """As after a long pause between two requests."""
    ended = threading.Semaphore(0)
    guard = Counting(ended.release)
    for _ in range(3):
        with guard.within(0.01):
            assert ended.acquire(timeout=10)
        wait_until(lambda: guard.threads == 0)
