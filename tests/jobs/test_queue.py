"""A queue in trouble: emptied, cut off, held by others, and with what nobody can begin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest
import redis

from brubeck import Brubeck
from brubeck.jobs import JobHandler
from brubeck.jobs.queue import Delivery, Depth, JobQueue, QueuedJob, QueueUnavailable
from brubeck.storage.ids import new_id
from tests.jobs.conftest import MakeApp, working
from tests.jobs.program import state_of
from tests.jobs.troubled import LEASE, QUEUE, Around, Strange, Troubled, ended
from tests.servers import wait_until
from tests.servers.redis import RedisServer


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget what other tests began."""
    Strange.begun.clear()
    Around.begun.clear()


# In the queue.


def test_what_no_worker_can_begin_holds_up_nobody(
    make_app: MakeApp, redis_server: RedisServer
) -> None:
    """It fails like any other, and ends in the dead letters."""
    app = make_app(Troubled, attempts=2)
    wrong = [
        b'{"path":"/add","id":"no id!"}',
        b'{"path":"/add","id":"%s"}' % (b"x" * 200),
        b'{"path":"/add","id":""}',
        b'{"path":"/add","id":"headers","headers":{"a":"b\\r\\nc"}}',
        b'{"path":"/add","id":"method","method":"\\u0000"}',
        b'{"path":"/name/%s","id":"path"}' % (b"x" * 2000),
    ]
    with redis_server.client() as client:
        for each in wrong:
            client.xadd(QUEUE, {"job": each})
    sent = [app.jobs.send("/add", {"numbers": [1]}) for _ in range(4)]
    with working(app):
        assert {ended(app, each.id)["attempt"] for each in sent} == {1}
    letters = list(app.jobs.queue.dead())
    assert len(letters) == len(wrong)
    assert not [each.reason for each in letters if "worker died" in each.reason]


def test_a_queue_that_was_emptied(make_app: MakeApp, redis_server: RedisServer) -> None:
    """Workers do what is sent after that."""
    app = make_app(Troubled)
    with working(app):
        ended(app, app.jobs.send("/add", {"numbers": [1]}).id)
        with redis_server.client() as client:
            client.flushall()
        sent = app.jobs.send("/add", {"numbers": [2]})
        assert ended(app, sent.id)["result"] == {"sum": 2}


def _queued(queue: JobQueue, *paths: str) -> list[str]:
    return [queue.send(QueuedJob(path=path, id=new_id())) for path in paths]


def test_a_step_that_fails_in_its_middle_loses_nothing(
    emptied: str, redis_server: RedisServer
) -> None:
    """Redis takes back nothing of a script that fails."""
    queue = JobQueue(emptied)
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


def test_what_is_in_hand_is_not_taken_over_from_oneself(emptied: str) -> None:
    """By a worker that stood still and only then looks whose jobs are left."""
    queue = JobQueue(emptied)
    _queued(queue, "/a", "/b")
    held = queue.take("one", 1, 1)
    dropped = queue.take("one", 1, 1)
    found: list[Delivery] = []

    def claimed() -> bool:
        found.extend(queue.claim("one", 0.001, 5, held)[0])
        return bool(found)

    wait_until(claimed)
    assert [each.entry for each in found] == [dropped[0].entry]
    assert queue.claim("one", 0.001, 5, [*held, *dropped]) == ([], False)
    queue.close()


def test_a_job_that_is_done_alone_stays_alone(emptied: str) -> None:
    """However long it takes to kill its worker."""
    queue = JobQueue(emptied)
    _queued(queue, "/killer", "/left")
    (killer,) = queue.take("dead", 1, 1)
    wait_until(lambda: bool(queue.claim("dead too", 0.001, 1, [])[0]))
    (left,) = queue.take("dead", 1, 1)
    lease = 60.0
    alone: list[Delivery] = []

    def claim(lease: float) -> bool:
        taken, is_alone = queue.claim("one", lease, 5, alone)
        alone.extend(taken)
        return is_alone

    # What died but once is taken over first; then the other one, by itself.
    wait_until(lambda: claim(0.001) and any(each.entry == killer.entry for each in alone))
    del alone[:-1]
    assert alone[0].given == 3
    queue.renew("one", lease, alone)
    assert queue.claim("one", lease, 5, alone) == ([], True)
    del left
    queue.done(alone)
    assert queue.claim("one", lease, 5, [])[1] is False
    queue.close()


def test_a_worker_that_waits_for_what_is_done_alone_does_nothing(
    make_app: MakeApp, redis_server: RedisServer
) -> None:
    """And takes nothing else, until that is over."""
    app = make_app(Troubled, lease=5, concurrency=4)
    queue = app.jobs.queue
    sent = app.jobs.send("/around")
    turns = 0
    during: list[int] = []

    def meddle(handler: JobHandler) -> None:
        if during:
            return
        others = app.jobs.send("/add", {"numbers": [1]})
        before, until = turns, monotonic() + 3
        wait_until(lambda: monotonic() > until)
        during.append(turns - before)
        assert state_of(app, others.id, Troubled)["state"] == "queued"

    Around.meddle = staticmethod(meddle)
    queue.take("dead", 1, 1)
    wait_until(lambda: bool(queue.claim("dead too", 0.001, 1, [])[0]))
    with redis_server.client() as client:
        for group in client.xpending_range(QUEUE, "workers", "-", "+", 1):
            client.xclaim(QUEUE, "workers", "gone", 0, [group["message_id"]], idle=60_000)
    worker = app.jobs.connection()
    turn = worker._take_turn

    def counted() -> None:
        nonlocal turns
        turns += 1
        turn()

    worker._take_turn = counted  # type: ignore[method-assign]
    thread = Thread(target=worker.serve, args=(app.jobs.perform,), daemon=True)
    thread.start()
    try:
        assert ended(app, sent.id)["state"] == "done"
    finally:
        worker.stop()
        thread.join(30)
    assert during[0] < 30


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
