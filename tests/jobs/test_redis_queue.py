"""A queue in Redis: steps that fail in their middle, and outages of the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic

import msgspec
import pytest
import redis

from brubeck import Brubeck
from brubeck.jobs import JobHandler
from brubeck.jobs.opening import open_queue
from brubeck.jobs.queue import Delivery, Depth, QueuedJob, QueueUnavailable
from brubeck.storage.ids import new_id
from tests.jobs.conftest import QUEUE, working
from tests.jobs.troubled import LEASE, Around, Troubled, ended
from tests.servers import wait_until
from tests.servers.redis import RedisServer

LARGE = (1 << 20) - 2
"""The length of the longest text that the data of a job may be."""


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget what other tests began."""
    Around.begun.clear()


@pytest.mark.parametrize("number", [1, 1000, 1001, 9000])
def test_many_jobs_may_end_together(emptied: str, number: int) -> None:
    """After an outage they do; more than 8,000 were never acknowledged."""
    queue = open_queue(emptied)
    queue.send(QueuedJob(path="/kept", id=new_id()))
    (kept,) = queue.take("one", 1, 1)
    gone = [Delivery(entry=b"1-%d" % at, raw=b"", job=None) for at in range(number)]
    queue.renew("one", 60, [*gone, kept])
    assert [each.lost for each in (*gone, kept)] == [True] * number + [False]
    queue.done([*gone, kept])
    assert not queue.depth().in_hand
    queue.close()


def test_a_step_that_fails_in_its_middle_loses_nothing(
    emptied: str, redis_server: RedisServer
) -> None:
    """Redis takes back nothing of a script that fails."""
    queue = open_queue(emptied)
    job = QueuedJob(path="/a", id=new_id())
    places = [QUEUE, f"{QUEUE}:later", f"{QUEUE}:dead"]

    def refuses(place: str, step: Callable[[], object]) -> None:
        with redis_server.client() as client:
            there = bool(client.exists(place))
            if there:
                client.rename(place, "{jobs}:aside")
            client.set(place, "in the way")
            with pytest.raises(QueueUnavailable):
                step()
            client.delete(place)
            if there:
                client.rename("{jobs}:aside", place)

    refuses(QUEUE, lambda: queue.send(job, "key"))
    assert queue.send(job, "key") == job.id
    (held,) = queue.take("one", 5, 1)
    refuses(places[1], lambda: queue.later("one", held, 1))
    refuses(places[2], lambda: queue.archive("one", held, "reason", ""))
    assert queue.depth() == Depth(waiting=0, in_hand=1, later=0, dead=0)
    assert queue.archive("one", held, "reason", "")
    (letter,) = queue.dead()
    refuses(QUEUE, lambda: queue.revive(letter))
    assert queue.revive(letter)
    assert not queue.revive(letter)
    assert queue.depth() == Depth(waiting=1, in_hand=0, later=0, dead=0)
    queue.close()


def _idle(client: redis.Redis) -> float:
    """Return for how many seconds nobody has said anything of what is in hand."""
    (found,) = client.xpending_range(QUEUE, "workers", "-", "+", 1)
    return float(found["time_since_delivered"]) / 1000


def test_an_outage_takes_no_job_from_its_worker(tmp_path: Path) -> None:
    """Also if it lasts for longer than a lease: all were cut off."""
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    server.run()
    apps = [Brubeck(streams=[Troubled], storage=server.url) for _ in range(3)]
    try:
        for each in apps:
            each.configure(jobs={"lease": LEASE})

        sent, back = Event(), Event()

        def meddle(_handler: JobHandler) -> None:
            if not back.is_set():
                assert sent.wait(30)
                server.kill()
                until = monotonic() + LEASE * 1.3
                wait_until(lambda: monotonic() > until)
                server.run()
                with server.client() as client:
                    wait_until(lambda: _idle(client) < LEASE)
                back.set()

        Around.meddle = staticmethod(meddle)
        with working(apps[1]), working(apps[2]):
            job = apps[0].jobs.send("/around")
            sent.set()
            assert back.wait(30)
            done = ended(apps[0], job.id)
        assert (done["state"], done["attempt"], Around.begun) == ("done", 1, [job.id])
    finally:
        for each in apps:
            each.close()
        server.kill()


def test_large_jobs_that_are_cancelled_or_fall_due_stop_no_redis(
    emptied: str, redis_server: RedisServer
) -> None:
    """A search through all of them, and steps of a hundred, held up everybody for a second."""
    count, large = 24, msgspec.Raw(b'"%b"' % (b"x" * LARGE))
    queue = open_queue(emptied)
    for number in range(count):
        queue.send(QueuedJob(path="/a", id=f"large{number}", data=large), delay=3600)
    queue.send(QueuedJob(path="/a", id="small"), delay=3600)
    with redis_server.client() as client:
        client.config_set("slowlog-log-slower-than", 0)
        client.config_set("slowlog-max-len", 10_000)
        client.slowlog_reset()
        assert queue.remove("small")
        assert queue.remove("large0")
        assert not queue.remove("large0")
        assert queue.depth().later == count - 1
        for each in client.zrange(f"{QUEUE}:later", 0, -1):
            client.zadd(f"{QUEUE}:later", {each: 1})
        woken = []
        while queue.depth().later:
            woken.append(queue.wake())
        took = [each["duration"] / 1000 for each in client.slowlog_get(10_000)]
        assert client.hlen(f"{QUEUE}:delayed") == 0
    assert woken[:-1] == [0] * (len(woken) - 1)
    assert len(woken) >= (count - 1) / 2
    assert sorted(took)[-len(woken)] < 25, "half of the longest commands, in milliseconds"
    assert {each.raw.count(b"x") for each in queue.take("one", 5, 1)} == {LARGE}


def test_a_job_that_was_delayed_before_they_had_ids_is_done(
    emptied: str, redis_server: RedisServer
) -> None:
    """It stands in the order of the delayed ones itself."""
    queue = open_queue(emptied)
    job = QueuedJob(path="/a", id=new_id())
    with redis_server.client() as client:
        client.zadd(f"{QUEUE}:later", {msgspec.json.encode(job): 1})
    assert queue.wake() is None
    assert [each.job for each in queue.take("one", 5, 1)] == [job]
