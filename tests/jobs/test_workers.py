"""Workers as processes: stopped, killed, stood still, and looked after."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from brubeck import Brubeck
from tests.jobs.conftest import Backend, MakeApp, backend_of
from tests.jobs.program import state_of
from tests.servers import wait_until
from tests.servers.processes import suspend
from tests.servers.programs import ROOT, Program, brubeck, running

PROGRAM = "tests.jobs.program:app"


@pytest.fixture(params=["redis", "sqlite"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Return an empty backend of each kind that processes share."""
    return backend_of(request.param, request, tmp_path)


@contextmanager
def worker(url: str, *options: str, **settings: str) -> Iterator[Program]:
    """Run ``brubeck work`` and wait until it works."""
    env = {"BRUBECK_STORAGE_DEFAULT": url, "BRUBECK_JOBS_LEASE": "0.5"}
    env |= {f"BRUBECK_{name.upper()}": value for name, value in settings.items()}
    command = (sys.executable, "-W", "error", "-m", "brubeck", "work", PROGRAM)
    with running(*command, *options, env=env) as started:
        started.await_output("Ctrl-C stops it")
        yield started


def brubeck_at(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command over a backend, to its end."""
    return brubeck(ROOT, *arguments, storage_default=url)


def is_in(app: Brubeck, job_id: str, state: str) -> bool:
    """Tell whether a job is in a state."""
    return state_of(app, job_id).get("state") == state


@pytest.mark.parametrize("engine", ["", "eventlet", "gevent"])
def test_what_is_in_hand_is_finished(
    make_app: MakeApp, backend: Backend, tmp_path: Path, engine: str
) -> None:
    """By a worker that is told to stop; what waits is left to others."""
    app = make_app()
    told = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    settings = {"green": engine} if engine else {}
    with worker(backend.url, "--concurrency", "1", **settings) as first:
        one, other = app.jobs.send("/wait", told), app.jobs.send("/wait", told)
        wait_until((tmp_path / "begun").exists)
        first.process.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        assert first.process.wait(30) == 0
    done = [job for job in (one, other) if is_in(app, job.id, "done")]
    assert len(done) == 1
    assert (tmp_path / "begun").read_text().count("\n") == 1
    assert app.jobs.queue.depth().waiting == 1
    with worker(backend.url):
        wait_until(lambda: is_in(app, one.id, "done") and is_in(app, other.id, "done"))


def test_a_second_signal_waits_for_nothing(
    make_app: MakeApp, backend: Backend, tmp_path: Path
) -> None:
    """And another worker has the job then."""
    app = make_app()
    told = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    with worker(backend.url) as first:
        sent = app.jobs.send("/wait", told)
        wait_until((tmp_path / "begun").exists)
        first.process.send_signal(signal.SIGTERM)
        first.process.send_signal(signal.SIGINT)
        first.process.wait(10)
    (tmp_path / "go").touch()
    with worker(backend.url):
        wait_until(lambda: is_in(app, sent.id, "done"))


def test_a_job_that_kills_its_worker_becomes_a_dead_letter(
    make_app: MakeApp, backend: Backend
) -> None:
    """Every time it kills one; those that were in its company are done."""
    app = make_app()
    others = [app.jobs.send("/add", {"numbers": [each]}) for each in range(3)]
    killer = app.jobs.send("/kill")
    others += [app.jobs.send("/add", {"numbers": [each]}) for each in range(3)]
    with worker(backend.url, "--workers", "2"):
        wait_until(lambda: is_in(app, killer.id, "failed"), seconds=60)
        wait_until(lambda: all(is_in(app, each.id, "done") for each in others), seconds=30)
        wait_until(lambda: app.jobs.queue.depth().dead == 1)
    (letter,) = app.jobs.queue.dead()
    assert letter.job is not None
    assert letter.job.id == killer.id
    assert letter.reason == "Its worker died, 5 times."


def stands_between_writes(pid: int, backend: Backend) -> bool:
    """Let a process stand still, and return whether others can write; else it goes on.

    One that stands in the middle of a write to SQLite keeps the file locked for everybody.
    """
    suspend(pid)
    if not backend.url.startswith("sqlite:///"):
        return True
    path = backend.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
            return False
        db.execute("ROLLBACK")
    return True


def test_a_worker_that_stood_still_changes_nothing(
    make_app: MakeApp, backend: Backend, tmp_path: Path
) -> None:
    """What another did in the meantime stays as it is."""
    app = make_app()
    told = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    with worker(backend.url) as first:
        sent = app.jobs.send("/wait", told)
        wait_until((tmp_path / "begun").exists)
        wait_until(lambda: stands_between_writes(first.process.pid, backend))
        try:
            with worker(backend.url) as second:
                begun = tmp_path / "begun"
                wait_until(lambda: begun.read_text().count("\n") == 2)
                (tmp_path / "go").touch()
                wait_until(lambda: is_in(app, sent.id, "done"))
                result = state_of(app, sent.id)
                assert result["result"] == str(second.process.pid)
        finally:
            first.process.send_signal(signal.SIGCONT)
        first.await_output("another worker has it")
        assert state_of(app, sent.id) == result
    depth = app.jobs.queue.depth()
    assert (depth.waiting, depth.in_hand, depth.later, depth.dead) == (0, 0, 0, 0)


def test_several_processes_do_jobs(make_app: MakeApp, backend: Backend, tmp_path: Path) -> None:
    """Under a supervisor, which replaces one that dies."""
    app = make_app()
    told = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    with worker(backend.url, "--workers", "2", "--concurrency", "1") as both:
        jobs = [app.jobs.send("/wait", told) for _ in range(2)]
        wait_until((tmp_path / "begun").exists)
        wait_until(lambda: (tmp_path / "begun").read_text().count("\n") == 2)
        pids = {int(line) for line in (tmp_path / "begun").read_text().split()}
        assert len(pids) == 2
        assert both.process.pid not in pids
        os.kill(pids.pop(), signal.SIGKILL)
        (tmp_path / "go").touch()
        wait_until(lambda: all(is_in(app, each.id, "done") for each in jobs), seconds=30)
        assert both.stop() == 0


def test_dead_letters_are_looked_after(make_app: MakeApp, backend: Backend) -> None:
    """Counted, shown, put back and dropped."""
    app = make_app()
    one, other = app.jobs.send("/fail", {"how": "give up"}), app.jobs.send("/odd")
    with worker(backend.url):
        wait_until(lambda: app.jobs.queue.depth().dead == 2)
    assert brubeck_at(backend.url, "jobs", "count", PROGRAM).stdout.split() == [
        *("waiting", "0", "in", "hand", "0", "later", "0", "dead", "2")
    ]
    lines = brubeck_at(backend.url, "jobs", "dead", PROGRAM).stdout.splitlines()
    assert {line.split()[2] for line in lines} == {"/fail", "/odd"}
    letter = next(line.split()[0] for line in lines if "/fail" in line)
    shown = brubeck_at(backend.url, "jobs", "dead", PROGRAM, letter).stdout
    assert one.id in shown
    assert 'raise GiveUp("Nothing can be done.")' in shown
    assert brubeck_at(backend.url, "jobs", "retry", PROGRAM, letter).stdout == "1 put back.\n"
    assert app.jobs.queue.depth().waiting == 1
    with worker(backend.url):
        wait_until(lambda: app.jobs.queue.depth().dead == 2)
    assert brubeck_at(backend.url, "jobs", "drop", PROGRAM, "--all").stdout == "2 dropped.\n"
    assert app.jobs.queue.depth().dead == 0
    assert is_in(app, other.id, "failed")


def test_jobs_are_cancelled_by_the_command(make_app: MakeApp, backend: Backend) -> None:
    """Those that wait, and those that are due later."""
    app = make_app()
    jobs = [app.jobs.send("/add", {"numbers": []}, delay=delay).id for delay in (None, "1h", "2h")]
    assert brubeck_at(backend.url, "jobs", "cancel", PROGRAM, *jobs[:2]).stdout == "2 cancelled.\n"
    done = brubeck_at(backend.url, "jobs", "cancel", PROGRAM, jobs[2], "--json")
    assert json.loads(done.stdout) == {"cancelled": 1}
    assert all(is_in(app, job, "cancelled") for job in jobs)
    assert app.jobs.queue.depth().later == 0
    wrong = brubeck_at(backend.url, "jobs", "cancel", PROGRAM)
    assert "Missing argument 'ID...'" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("work", "tests.jobs.program:nothing"), "has no application"),
        (("work", PROGRAM, "--concurrency", "0"), "concurrency"),
        (("work", PROGRAM, "--storage", "memory://"), "memory of one process"),
        (("work", PROGRAM, "--queue", "mongodb://x"), "Jobs wait in one of"),
        (("jobs", "dead", PROGRAM, "nonsense"), 'no dead letter "nonsense"'),
        (("jobs", "retry", PROGRAM), "--all"),
        (("jobs", "cancel", PROGRAM, "nonsense"), "There is no such job"),
        (("jobs", "retry", PROGRAM, "1-1"), 'no dead letter "1-1"'),
        (("jobs", "drop", PROGRAM, "1-1", "--all"), "--all"),
    ],
)
def test_a_mistake_is_one_sentence(backend: Backend, arguments: tuple[str, ...], told: str) -> None:
    """And no traceback."""
    done = brubeck_at(backend.url, *arguments)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
