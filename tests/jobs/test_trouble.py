"""Jobs in trouble: what fails oddly, what cannot be written down, and what is suddenly gone."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any, ClassVar

import pytest
import redis

from brubeck import Brubeck
from brubeck.auth import Caller
from brubeck.connections.jobs import (
    Delivery,
    Depth,
    Job,
    JobQueue,
    JobsConnection,
    QueueUnavailable,
)
from brubeck.http import Problem, Response
from brubeck.jobs import GiveUp, JobHandler, JobStream, OwnedJob
from brubeck.storage import Delete, Outcome, RecordStream, Tombstone, Unavailable, Write
from brubeck.storage.ids import new_id
from tests.jobs.conftest import MakeApp, working
from tests.jobs.program import Jobs, state_of
from tests.servers import free_port, wait_until
from tests.servers.redis import RedisServer

QUEUE = "brubeck-jobs:{jobs}"
LEASE = 2.0


class Exit(JobHandler):
    """Ends as a program does."""

    attempts = 1

    def work(self) -> None:
        """Leave."""
        sys.exit("a secret of ours")


class Broken(JobHandler):
    """Cannot even be made."""

    attempts = 1

    def initialize(self) -> None:
        """Fail."""
        raise RuntimeError("a secret of ours")


class Strange(JobHandler):
    """Does what cannot be written down."""

    attempts = 2
    backoff = 0.01
    begun: ClassVar[list[str]] = []

    def work(self) -> Any:
        """Do what the data say."""
        Strange.begun.append(self.job_id)
        how = self.data
        if how == "note":
            self.progress(0.5, "a\0b")
        if how == "part":
            self.progress(float("nan"))
        if how == "name":
            raise OSError(1, "no such file \udcff")
        if how == "give up":
            raise GiveUp("no such file \udcff \0")
        return {"large": "x" * (1 << 20), "nul": "\0", "deep": [[]] * 2}.get(how, how)


class Around(JobHandler):
    """Has something done to the program while it works."""

    meddle: ClassVar[Callable[[JobHandler], object]] = id
    begun: ClassVar[list[str]] = []

    def work(self) -> str:
        """Have it done."""
        Around.begun.append(self.job_id)
        Around.meddle(self)
        self.progress(0.5, "half")
        return "done"


class Troubled(JobStream):
    """All of them."""

    handlers = (
        *Jobs.handlers,
        (r"^/exit$", Exit),
        (r"^/broken$", Broken),
        (r"^/strange$", Strange),
        (r"^/around$", Around),
        (r"^/name/.+$", Strange),
    )


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget what other tests began."""
    Strange.begun.clear()
    Around.begun.clear()


def ended(app: Brubeck, job_id: str) -> dict[str, Any]:
    """Wait until a job is done or a dead letter, and return it."""

    def is_over() -> bool:
        depth = app.jobs.queue.depth()
        state = state_of(app, job_id, Troubled).get("state")
        return state in ("done", "failed") and not (depth.waiting or depth.in_hand or depth.later)

    wait_until(is_over, what=f"{state_of(app, job_id, Troubled)}")
    return state_of(app, job_id, Troubled)


# Failing.


def test_a_job_that_exits_takes_no_thread_with_it(make_app: MakeApp) -> None:
    """It has failed, as one that raises anything else."""
    app = make_app(Troubled, concurrency=1)
    sent = [app.jobs.send("/exit") for _ in range(3)]
    with working(app):
        failed = [ended(app, each.id) for each in sent]
    assert {each["state"] for each in failed} == {"failed"}
    assert {each["attempt"] for each in failed} == {1}
    assert {each.reason for each in app.jobs.queue.dead()} == {"SystemExit: a secret of ours"}


@pytest.mark.parametrize("path", ["/exit", "/broken"])
def test_who_waits_is_told_no_secret(make_app: MakeApp, path: str) -> None:
    """However early or oddly a handler fails."""
    app = make_app(Troubled)
    sent = app.jobs.send(path)
    with working(app):
        failed = ended(app, sent.id)
    assert failed["state"] == "failed"
    assert "secret" not in str(failed)
    assert sent.id in failed["error"]


@pytest.mark.parametrize("how", ["large", "nul", "part", "name"])
def test_what_cannot_be_written_down_fails_as_anything_else(
    make_app: MakeApp, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """After its attempts, and with its own reason."""
    caplog.set_level(logging.CRITICAL)  # pytest cannot carry what is no text
    app = make_app(Troubled)
    sent = app.jobs.send("/strange", how)
    with working(app):
        failed = ended(app, sent.id)
    assert (failed["state"], failed["attempt"], len(Strange.begun)) == ("failed", 2, 2)
    (letter,) = app.jobs.queue.dead()
    assert "Error" in letter.reason
    assert letter.traceback


def test_a_text_that_is_none(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    """The name of a file may be none; it is shown as well as that goes."""
    caplog.set_level(logging.CRITICAL)
    app = make_app(Troubled)
    sent, noted = app.jobs.send("/strange", "give up"), app.jobs.send("/strange", "note")
    with working(app):
        failed = ended(app, sent.id)
        assert ended(app, noted.id)["state"] == "done"
    assert Strange.begun.count(noted.id) == 1
    assert (failed["state"], failed["attempt"]) == ("failed", 1)
    assert failed["error"] == "no such file \\udcff \\0"


# Sending.


class Own(JobStream):
    """Jobs of somebody."""

    model = OwnedJob
    path = "/own"
    handlers = Jobs.handlers


def test_what_no_item_can_be_is_not_sent(make_app: MakeApp) -> None:
    """A path or an owner that is too long, data that are nested too deeply."""
    app = make_app(Troubled)
    with pytest.raises(ValueError, match="too long"):
        app.jobs.send("/name/" + "x" * 1000)
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        app.jobs.send("/strange", deep)
    with pytest.raises(ValueError, match="nested"):
        app.jobs.send("/strange", [deep, deep])
    for data, status in ((deep, 422), ("x" * (1 << 20), 413)):
        with pytest.raises(Problem) as caught:
            app.jobs.send("/strange", data)
        assert caught.value.status == status
    other = make_app(Own)
    with pytest.raises(ValueError, match="too long"):
        other.jobs.send("/add", owner=Caller("x" * 200))
    assert app.jobs.queue.depth().waiting == 0


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
    return [queue.send(Job(path=path, id=new_id())) for path in paths]


def test_a_step_that_fails_in_its_middle_loses_nothing(
    emptied: str, redis_server: RedisServer
) -> None:
    """Redis takes back nothing of a script that fails."""
    queue = JobQueue(emptied)
    job = Job(path="/a", id=new_id())
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
    thread = Thread(target=worker.serve, args=(app.jobs.respond,), daemon=True)
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


# In the store.


class Forgetful:
    """A stream whose answer to one write is lost on its way, after it was done."""

    def __init__(self, queryset: RecordStream) -> None:
        self._queryset = queryset
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queryset, name)

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write, and lose the answer once."""
        outcomes = self._queryset.write(writes)
        if not self.lost:
            self.lost = True
            raise Unavailable("The answer was lost.")
        return outcomes


def test_an_answer_that_was_lost_costs_no_attempt(make_app: MakeApp) -> None:
    """What was written is asked for again, and was this worker's."""
    app = make_app(Troubled)

    def meddle(handler: JobHandler) -> None:
        record: Any = handler.record
        record._queryset = Forgetful(record._queryset)

    Around.meddle = staticmethod(meddle)
    sent = app.jobs.send("/around")
    with working(app):
        done = ended(app, sent.id)
    assert (done["state"], done["attempt"], Around.begun) == ("done", 1, [sent.id])


def test_a_job_that_outlasts_its_item(make_app: MakeApp) -> None:
    """Is done, and written down as such: a stream may retain less than it takes."""
    app = make_app(Troubled)

    def meddle(handler: JobHandler) -> None:
        app.stream(Troubled).records().write([Delete(id=handler.job_id, token=new_id())])

    Around.meddle = staticmethod(meddle)
    sent = app.jobs.send("/around")
    with working(app):
        done = ended(app, sent.id)
    assert (done["state"], done["result"], Around.begun) == ("done", "done", [sent.id])


def test_a_key_whose_job_left_the_stream(make_app: MakeApp) -> None:
    """It is not said to wait for ever."""
    app = make_app(Troubled)
    sent = app.jobs.send("/add", {"numbers": [1]}, key="k")
    with working(app):
        ended(app, sent.id)
    app.stream(Troubled).records().write([Delete(id=sent.id, token=new_id())])
    again = app.jobs.send("/add", {"numbers": [1]}, key="k")
    assert again.id == sent.id
    assert isinstance(app.stream(Troubled).records().get([again.id])[0], Tombstone)


def test_keys_run_into_nothing(make_app: MakeApp) -> None:
    """Nobody has the key of another by a name that ends as that begins."""
    app = make_app(Own)
    one = app.jobs.send("/add", key="b\nc", owner=Caller("a"))
    other = app.jobs.send("/add", key="c", owner=Caller("a\nb"))
    assert one.id != other.id


def test_who_is_in_a_hurry_asks_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that was told twice to stop does not wait for a queue that may stand still."""
    queue = JobQueue(f"redis://127.0.0.1:{free_port()}/0")
    worker = JobsConnection(queue, concurrency=1)
    worker.stop()
    worker.stop()
    worker.serve(lambda _request: Response(b""))
    assert not caplog.records
