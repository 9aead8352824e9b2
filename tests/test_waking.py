"""A semaphore whose places go to those that wait, in their order."""

from __future__ import annotations

import subprocess
import sys
import threading

from brubeck.green.waking import FairSemaphore
from tests.servers import wait_until


def test_nobody_overtakes() -> None:
    """Who was woken found that a newcomer had its place, and waited again behind all others."""
    places = FairSemaphore(1)
    assert places.acquire()
    came: list[int] = []

    def come(number: int) -> None:
        with places:
            came.append(number)

    threads = []
    for number in range(20):
        threads.append(threading.Thread(target=come, args=(number,)))
        threads[-1].start()
        wait_until(lambda: places.waiting == number + 1)  # noqa: B023, it ends within its turn
    places.release()
    assert not places.acquire(timeout=0) or came  # the place is given already, or all have been
    for thread in threads:
        thread.join(10)
    assert came == list(range(20))


def test_a_place_is_given_to_nobody_who_has_gone() -> None:
    """Neither to one whose time is over, nor to one that was interrupted."""
    places = FairSemaphore(1)
    assert places.acquire(timeout=0)
    assert not places.acquire(timeout=0)
    assert not places.acquire(timeout=0.01)
    assert places.waiting == 0
    places.release()
    assert places.acquire(timeout=0)


def test_there_are_as_many_places_as_were_said() -> None:
    """However many come and go."""
    places = FairSemaphore(3)
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(200):
            with places:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(most) <= 3
    assert [places.acquire(timeout=0) for _ in range(4)] == [True, True, True, False]


PROGRAM = """
from brubeck import green
green.patch("eventlet")
import eventlet
from brubeck.green.waking import FairSemaphore

places = FairSemaphore(1)
places.acquire()
for given in (False, True):
    interrupted = []

    def wait():
        try:
            places.acquire()
        except BaseException:
            interrupted.append(True)
            raise

    waiting = eventlet.spawn(wait)
    while not places.waiting:
        eventlet.sleep(0)
    if given:  # it is woken, and ended before it has run
        places.release()
    waiting.kill()
    assert interrupted == [True], interrupted
    if not given:
        places.release()
    assert places.acquire(timeout=0), given
"""


def test_one_that_is_interrupted_takes_no_place_along() -> None:
    """Whether the place had been given to it by then, or not."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
