"""A queue in a file of SQLite: several processes, leases to the millisecond, and trouble."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event, Thread

import msgspec
import pytest

from brubeck import Brubeck
from brubeck.http import Problem
from brubeck.jobs import JobHandler
from brubeck.jobs.opening import open_queue
from brubeck.jobs.queue import Depth, JobQueue, QueuedJob, QueueUnavailable
from brubeck.jobs.sql_queue import SQLQueue
from brubeck.storage.ids import new_id
from brubeck.storage.sqlite import SQLiteStorage
from brubeck.timekeeping import HeldClock
from tests.jobs.conftest import working
from tests.jobs.program import Jobs, state_of
from tests.jobs.troubled import Around, Troubled, ended
from tests.servers import wait_until
from tests.servers.programs import ROOT

LEASE = 30.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def clock() -> HeldClock:
    """Return a clock that stands still."""
    return HeldClock(1_800_000_000_000_000)


@pytest.fixture
def queue(url: str, clock: HeldClock) -> Iterator[JobQueue]:
    """Yield a queue whose time stands still."""
    with closing(open_queue(url, clock=clock)) as opened:
        yield opened


def send(queue: JobQueue, *paths: str) -> list[str]:
    """Send a job to each path, and return their ids."""
    return [queue.send(QueuedJob(path=path, id=new_id())) for path in paths]


def test_no_job_is_given_to_two(url: str) -> None:
    """By files that are opened several times, as processes open them; and all are given out."""
    with closing(open_queue(url)) as queue:
        sent = send(queue, *["/a"] * 200)
    barrier, given = Barrier(4), Counter[str]()

    def work(name: str) -> None:
        with closing(open_queue(url)) as own:
            barrier.wait()
            while taken := own.take(name, 3, 0.0):
                given.update(each.job.id for each in taken if each.job is not None)
                assert own.claim(name, LEASE, 10, taken) == ([], False)
                own.done(taken)

    threads = [Thread(target=work, args=(f"worker{n}",)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert given == Counter(sent)


def test_jobs_are_given_out_in_their_order(queue: JobQueue, clock: HeldClock) -> None:
    """One that was delayed stands behind those that were there when it was due."""
    queue.send(QueuedJob(path="/late", id=new_id()), delay=2)
    queue.send(QueuedJob(path="/soon", id=new_id()), delay=1)
    send(queue, "/a", "/b")
    clock.advance(3_000_000)
    send(queue, "/c")
    assert queue.wake() is None
    taken = [*queue.take("one", 2, 0), *queue.take("one", 9, 0)]
    assert [each.job.path for each in taken if each.job] == ["/a", "/b", "/c", "/soon", "/late"]


@pytest.mark.parametrize("sender", ["its own process", "another", "in memory"])
def test_who_waits_is_woken(url: str, sender: str) -> None:
    """By what is sent in its own process, and by what others write into the file."""
    at = "memory://" if sender == "in memory" else url
    with closing(open_queue(at)) as queue, closing(open_queue(at)) as other:
        assert isinstance(queue, SQLQueue)
        taken: list[str] = []
        waiter = Thread(target=lambda: taken.extend(e.raw.decode() for e in queue.take("w", 1, 60)))
        waiter.start()
        wait_until(lambda: queue._changed._waiters)  # type: ignore[attr-defined]  # it waits
        (sent,) = send(other if sender == "another" else queue, "/a")
        waiter.join(20)
        assert not waiter.is_alive()
        assert sent in taken[0]


def test_a_lease_ends_to_the_millisecond(queue: JobQueue, clock: HeldClock) -> None:
    """Then others take over, once, and the first worker can change nothing any more."""
    send(queue, "/a")
    (held,) = queue.take("one", 1, 0)
    clock.advance(int(LEASE * 1e6) - 1000)
    assert queue.claim("two", LEASE, 5, []) == ([], False)
    queue.renew("one", LEASE, [held])
    clock.advance(int(LEASE * 1e6) - 1000)
    assert queue.claim("two", LEASE, 5, []) == ([], False)
    clock.advance(1000)
    ((taken,), _) = queue.claim("two", LEASE, 5, [])
    assert (taken.entry, taken.given) == (held.entry, 2)
    assert queue.claim("three", LEASE, 5, []) == ([], False)
    queue.renew("one", LEASE, [held])
    assert held.lost
    assert not queue.later("one", held, 1)
    assert not queue.archive("one", held, "late", "")
    assert queue.later("two", taken, 1)
    assert queue.depth() == Depth(waiting=0, in_hand=0, later=1, dead=0)


def test_a_key_is_kept_for_its_time(queue: JobQueue, clock: HeldClock) -> None:
    """Then it stands for another job."""
    job = QueuedJob(path="/a", id=new_id())
    assert queue.send(job, "k", keep=60) == job.id
    clock.advance(60_000_000 - 1000)
    again = QueuedJob(path="/a", id=new_id())
    assert queue.send(again, "k", keep=60) == job.id
    clock.advance(1000)
    assert queue.send(again, "k", keep=60) == again.id


def test_a_key_outlasts_the_delay_of_its_job(queue: JobQueue, clock: HeldClock) -> None:
    """Until the job is due, and for the key's time from then on."""
    first, second = (QueuedJob(path="/a", id=new_id()) for _ in range(2))
    queue.send(first, "k", delay=100, keep=60)
    clock.advance(160_000_000 - 1000)
    assert queue.send(second, "k", keep=60) == first.id
    clock.advance(1000)
    assert queue.send(second, "k", keep=60) == second.id


def test_queues_of_one_file_have_names(url: str) -> None:
    """And see nothing of each other."""
    with closing(open_queue(url, "one")) as one, closing(open_queue(url, "two")) as two:
        send(one, "/a")
        assert two.take("w", 1, 0) == []
        (held,) = one.take("w", 1, 0)
        two.done([held])
        assert one.archive("w", held, "why", "")
        (letter,) = one.dead()
        assert list(two.dead()) == []
        assert (two.forget(letter), two.revive(letter), two.dead_letter("1")) == (
            False,
            False,
            None,
        )
        assert one.dead_letter(letter.letter) == letter


def test_dead_letters_are_read_in_steps(queue: JobQueue) -> None:
    """The oldest first."""
    send(queue, *[f"/{n}" for n in range(7)])
    for each in queue.take("one", 7, 0):
        queue.archive("one", each, "why \udcff", "where \udcff")
    found = list(queue.dead(step=2))
    assert [each.job.path for each in found if each.job is not None] == [f"/{n}" for n in range(7)]
    assert {each.reason for each in found} == {"why \\udcff"}
    for wrong in ("", "0", "-1", "1-1", "9" * 30, "\u0661", "x"):
        assert queue.dead_letter(wrong) is None


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """Is said in a sentence; when it can be, the worker goes on by itself."""
    folder = tmp_path / "not" / "there"
    app = Brubeck(streams=[Jobs], storage=f"sqlite:///{folder}/jobs.db")
    with pytest.raises(Problem) as caught:
        app.jobs.send("/add", {"numbers": [1]})
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")
    with pytest.raises(QueueUnavailable, match="unable to open"):
        app.jobs.queue.take("one", 1, 0)
    with working(app):
        wait_until(lambda: _is_down(app))
        folder.mkdir(parents=True)
        job = app.jobs.send("/add", {"numbers": [1]})
        wait_until(lambda: state_of(app, job.id).get("state") == "done")
    app.close()


def _is_down(app: Brubeck) -> bool:
    worker = app.jobs._lookup.worker
    return worker is not None and worker._is_down


def test_a_file_that_another_writes_to_for_too_long(url: str) -> None:
    """Is a 503 and nothing of the job is left; later it is sent once."""
    app = Brubeck(streams=[Jobs], storage=f"{url}?timeout=0.05s")
    app.jobs.send("/add", {"numbers": [0]})
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Problem, match="retry later"):
            app.jobs.send("/add", {"numbers": [1]}, key="k")
        other.execute("ROLLBACK")
    assert app.jobs.queue.depth().waiting == 1
    app.jobs.send("/add", {"numbers": [1]}, key="k")
    assert app.jobs.perform_all() == 2
    app.close()


def test_a_job_in_hand_outlasts_a_file_that_is_down(url: str) -> None:
    """Its worker keeps it, and writes down what came of it when that can be written."""
    app = Brubeck(streams=[Troubled], storage=f"{url}?timeout=0.05s")
    app.configure(jobs={"lease": 1.0})
    locked = Event()

    def meddle(_handler: JobHandler) -> None:
        other.execute("BEGIN IMMEDIATE")
        locked.set()

    Around.begun.clear()
    Around.meddle = staticmethod(meddle)
    job = app.jobs.send("/around")
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, check_same_thread=False)) as other, working(app):
        assert locked.wait(30)
        wait_until(lambda: _is_down(app))
        other.execute("ROLLBACK")
        done = ended(app, job.id)
    assert (done["state"], done["attempt"], Around.begun) == ("done", 1, [job.id])
    app.close()


def test_a_store_that_the_program_brings_has_its_queue(tmp_path: Path) -> None:
    """In the same file, with the same connections."""
    path = tmp_path / "mine.db"
    with closing(SQLiteStorage(str(path))) as store:
        app = Brubeck(streams=[Jobs], storage=store)
        job = app.jobs.send("/add", {"numbers": [2]})
        app.jobs.queue.close()
        assert app.jobs.perform_all() == 1
        assert state_of(app, job.id)["result"] == {"sum": 2}
        assert app.jobs.queue.shown == f"sqlite:///{path}"
        assert app.jobs.queue.check().grade == "fine"


def test_a_program_without_redis_imports_none(url: str) -> None:
    """Nor any driver but that of Python."""
    code = f"""
import sys
from brubeck import Brubeck
from tests.jobs.program import Jobs
app = Brubeck(streams=[Jobs], storage={url!r})
app.jobs.send('/add', {{'numbers': [1]}})
assert app.jobs.perform_all() == 1
app.close()
assert not {{'redis', 'pymongo', 'zmq', 'eventlet', 'gevent'}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True)


def test_large_jobs_that_fall_due_are_moved_one_by_one(queue: JobQueue, clock: HeldClock) -> None:
    """All writes to the file wait for each step; and they stay in their order."""
    assert isinstance(queue, SQLQueue)
    large = msgspec.Raw(b'"%b"' % (b"x" * 700_000))
    ids = [f"j{number}" for number in range(4)]
    for number, job_id in enumerate(ids):
        data = msgspec.Raw(b"1") if number == 3 else large
        queue.send(QueuedJob(path="/a", id=job_id, data=data), delay=1 + number / 1000)
    clock.advance(10_000_000)
    later = []
    while (left := queue.wake()) is not None:
        assert left == 0
        later.append(queue.depth().later)
    assert later == [3, 2]
    assert [each.job.id for each in queue.take("one", 9, 1) if each.job is not None] == ids
