"""A queue in trouble: emptied, cut off, held by others, and with what nobody can begin."""

from __future__ import annotations

from threading import Thread
from time import monotonic

import pytest

from brubeck.jobs import JobHandler
from brubeck.jobs.opening import open_queue
from brubeck.jobs.queue import Delivery, JobQueue, QueuedJob
from brubeck.storage.ids import new_id
from tests.jobs.conftest import SHARED, Backend, MakeApp, working
from tests.jobs.program import state_of
from tests.jobs.troubled import Around, Strange, Troubled, ended
from tests.servers import wait_until


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget what other tests began."""
    Strange.begun.clear()
    Around.begun.clear()


# In the queue.


def test_what_no_worker_can_begin_holds_up_nobody(make_app: MakeApp, backend: Backend) -> None:
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
    for each in wrong:
        backend.put(app.jobs.queue, each)
    sent = [app.jobs.send("/add", {"numbers": [1]}) for _ in range(4)]
    with working(app):
        assert {ended(app, each.id)["attempt"] for each in sent} == {1}
    letters = list(app.jobs.queue.dead())
    assert len(letters) == len(wrong)
    assert not [each.reason for each in letters if "worker died" in each.reason]


@SHARED
def test_a_queue_that_was_emptied(make_app: MakeApp, backend: Backend) -> None:
    """Workers do what is sent after that."""
    app = make_app(Troubled)
    with working(app):
        ended(app, app.jobs.send("/add", {"numbers": [1]}).id)
        backend.empty()
        sent = app.jobs.send("/add", {"numbers": [2]})
        assert ended(app, sent.id)["result"] == {"sum": 2}


def _queued(queue: JobQueue, *paths: str) -> list[str]:
    return [queue.send(QueuedJob(path=path, id=new_id())) for path in paths]


def test_what_is_in_hand_is_not_taken_over_from_oneself(backend: Backend) -> None:
    """By a worker that stood still and only then looks whose jobs are left."""
    queue = open_queue(backend.url)
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


def test_a_job_that_is_done_alone_stays_alone(backend: Backend) -> None:
    """However long it takes to kill its worker."""
    queue = open_queue(backend.url)
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
    # The lease is long enough to be renewed below, also on a busy machine.
    wait_until(lambda: claim(0.5) and any(each.entry == killer.entry for each in alone))
    del alone[:-1]
    assert alone[0].given == 3
    queue.renew("one", lease, alone)
    assert queue.claim("one", lease, 5, alone) == ([], True)
    del left
    queue.done(alone)
    assert queue.claim("one", lease, 5, [])[1] is False
    queue.close()


def test_a_worker_that_waits_for_what_is_done_alone_does_nothing(
    make_app: MakeApp, backend: Backend
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
    backend.silence(queue)
    worker = app.jobs.connection(apart=False)
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
