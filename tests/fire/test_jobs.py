"""Jobs under fire: workers are killed at any moment, and a Redis in the middle of it.

Every job that was accepted is done at least once, and written down as done; nothing is left over,
and a dead letter is only what asked to be one.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest

from brubeck import Brubeck
from brubeck.http import Problem
from brubeck.storage import PageQuery
from brubeck.storage.records import TimelineCursor
from tests.fire.crew import EARLY
from tests.fire.grounds import dice
from tests.jobs.program import Jobs
from tests.servers import wait_until
from tests.servers.programs import ROOT
from tests.servers.redis import RedisServer
from tests.soak import SOAK, often

COUNT = often(2000, 10_000)
WORKERS = 3
SENDERS = 8
PAUSE = often(8, 15) / 10
"""Seconds between two deaths, at the most."""
DEADLY = 100
"""Each so many-th job asks to be a dead letter."""
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


class Crew:
    """Workers, one of which is killed and replaced every now and then."""

    def __init__(self, url: str, folder: Path, dice_: random.Random) -> None:
        self._env = os.environ | {
            "BRUBECK_STORAGE_DEFAULT": url,
            "BRUBECK_JOBS_LEASE": "1",
            "BRUBECK_JOBS_BACKOFF": "0.1",
        }
        self._folder, self._dice = folder, dice_
        self._started = 0
        self._over = Event()
        self.killed = 0
        self._workers = [self._start() for _ in range(WORKERS)]
        self._killer = Thread(target=self._kill, daemon=True)
        self._killer.start()

    def _start(self) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a worker, and return it with its log."""
        self._started += 1
        log = self._folder / f"worker{self._started}.log"
        command = [sys.executable, "-m", "brubeck", "work", "tests.jobs.program:app"]
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=file, stderr=file)
        return process, log

    def _kill(self) -> None:
        while not self._over.wait(self._dice.uniform(0.2, PAUSE)):
            place = self._dice.randrange(WORKERS)
            worker, log = self._workers[place]
            if b"Ctrl-C stops it" not in log.read_bytes() and self._dice.random() > EARLY:
                continue
            worker.kill()
            worker.wait()
            self.killed += 1
            self._workers[place] = self._start()

    def spare(self) -> None:
        """Kill no more."""
        self._over.set()
        self._killer.join()

    def end(self) -> list[int]:
        """Stop all workers, and return how they ended."""
        self.spare()
        for each, _ in self._workers:
            each.terminate()
        try:
            return [each.wait(60) for each, _ in self._workers]
        finally:
            for each, _ in self._workers:
                each.kill()
                each.wait()

    def said(self) -> str:
        """Return the last that each of those that still work has said."""
        return "\n".join(log.read_text(errors="replace")[-1000:] for _, log in self._workers)


def _send(app: Brubeck, number: int, file: Path) -> str:
    """Send a job, again and again until it is accepted, and return its id."""
    data = {"file": str(file)}
    if number % DEADLY == 0:
        data["dead"] = f"{number}"
    until = monotonic() + 60
    while True:
        try:
            return app.jobs.send(f"/note/{number}", data, key=f"{number}").id
        except Problem as problem:
            if problem.status != 503 or monotonic() > until:
                raise


@contextmanager
def _killed_once(server: RedisServer, app: Brubeck, done: Path) -> Iterator[None]:
    """Kill the Redis when half of the jobs are done, and start it again."""

    def kill() -> None:
        wait_until(lambda: done.stat().st_size > COUNT * 2, seconds=300, what="no work is done")
        server.kill()
        server.run()

    thread = Thread(target=kill)
    thread.start()
    yield
    thread.join()
    assert app.jobs.queue.depth() is not None


def _states(app: Brubeck) -> dict[str, str]:
    """Return the state of every job, walked page by page."""
    states = {}
    start: TimelineCursor | None = None
    while True:
        page = app.stream(Jobs).records().page(PageQuery(limit=500, start=start, descending=False))
        for record in page.records:
            job = Jobs.model.decode_stored(record.body)
            states[record.id] = str(job.state)
        if page.stopped is None:
            return states
        start = page.stopped


@pytest.mark.parametrize("kind", ["redis", "sqlite"])
def test_no_job_is_lost(kind: str, tmp_path: Path) -> None:
    """Whatever dies."""
    random_ = dice("jobs")
    server = RedisServer(tmp_path, *DURABLE) if kind == "redis" else None
    done = tmp_path / "done"
    done.touch()
    if server is not None:
        server.run()
    url = f"sqlite:///{tmp_path / 'jobs.db'}" if server is None else server.url
    app = Brubeck(streams=[Jobs], storage=url)
    crew = Crew(url, tmp_path, random_)
    killed: AbstractContextManager[None] = nullcontext()
    if server is not None:
        killed = _killed_once(server, app, done)
    try:
        with killed, ThreadPoolExecutor(SENDERS) as pool:
            sent = list(pool.map(lambda number: _send(app, number, done), range(COUNT)))
        assert len(set(sent)) == COUNT

        def is_empty() -> bool:
            depth = app.jobs.queue.depth()
            return depth.waiting == depth.in_hand == depth.later == 0

        wait_until(is_empty, seconds=SOAK or 240, what=f"{app.jobs.queue.depth()}")
        ends = crew.end()
        # One that was only just started ends by the signal itself.
        assert set(ends) <= {0, -signal.SIGTERM}, crew.said()

        counts = Counter(done.read_text().split())
        assert set(counts) == {f"{number}" for number in range(COUNT)}
        deadly = {sent[number] for number in range(0, COUNT, DEADLY)}
        states = _states(app)
        assert set(states) == set(sent)
        assert {job for job, state in states.items() if state != "done"} == deadly
        letters = list(app.jobs.queue.dead())
        assert {each.job.id for each in letters if each.job is not None} == deadly
        assert len(letters) == len(deadly)
        twice = sum(count > 1 for count in counts.values())
        print(f"{COUNT} jobs, {crew.killed} workers killed; {twice} jobs were done more than once")
        assert crew.killed > often(2, 5)
    finally:
        crew.end()
        app.close()
        if server is not None:
            server.kill()
