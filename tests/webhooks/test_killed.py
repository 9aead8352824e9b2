"""Webhooks sent by real processes, killed again and again: at least once, in order, none lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.auth import Caller
from tests.servers import wait_until
from tests.servers.programs import ROOT
from tests.soak import often
from tests.webhooks.program import Counts, Hooks
from tests.webhooks.receiver import Received, Receiver, receiving

CHANGES = often(500, 20_000)
KILLS = often(4, 20)
AHEAD = 100
"""The number of changes that are written ahead of the receiver."""


@contextmanager
def worker(folder: Path, url: str, engine: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Send the webhooks in a process of its own."""
    env = {**os.environ, "BRUBECK_STORAGE_DEFAULT": url, "BRUBECK_JOBS_LEASE": "1s"}
    env["BRUBECK_GREEN"] = engine
    command = [sys.executable, "-m", "brubeck", "work", "tests.webhooks.program:app"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def numbers(received: list[Received]) -> set[int]:
    """Return the numbers that were received."""
    return {each.json["data"]["data"]["number"] for each in received}


def assert_at_least_once_and_in_order(received: list[Received], total: int) -> None:
    """Each change once or more, first in order; a repetition has the same id and body."""
    bodies: dict[str, bytes] = {}
    first: list[int] = []
    for each in received:
        if each.id not in bodies:
            first.append(each.json["data"]["position"])
        assert bodies.setdefault(each.id, each.body) == each.body
    assert first == sorted(first)
    assert len(bodies) == total
    assert numbers(received) == set(range(total))


def taken(receiver: Receiver, path: str) -> list[Received]:
    """Return the messages at a path that were answered with 2xx."""
    return [each for each in receiver.at(path) if each.status < 300]


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a store of the kind that the test asks for."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_server").url)
    if request.param == "mongodb":
        return f"mongodb://127.0.0.1:{request.getfixturevalue('mongo_server').port}/hooked"
    return f"sqlite:///{tmp_path}/hooks.db"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that fails now and then."""
    with receiving() as found:
        failed: set[str] = set()

        def answer(request: Received) -> int:
            number = request.json["data"]["data"]["number"]
            if number % 97 == 0 and request.id not in failed:
                failed.add(request.id)
                return 500
            return 204

        found.answer = answer
        yield found


@pytest.mark.parametrize("url", ["sqlite", "redis", "mongodb"], indirect=True)
def test_every_change_is_delivered_at_least_once_and_in_order(
    url: str, receiver: Receiver, tmp_path: Path
) -> None:
    """Whenever a process is killed, while changes are written; every signature is right."""
    chance = random.Random(7)
    app = Brubeck(streams=[Counts, Hooks], storage=url)
    counts, hooks = app.stream(Counts), app.stream(Hooks)
    owner = Caller(app.accounts.users.create(f"ella{uuid4().hex[:8]}").id, "ella")
    secrets = {}
    for path in ("/one", "/two"):
        made = hooks.insert({"url": receiver.url(path), "stream": Counts.path}, owner=owner)
        secrets[path] = getattr(hooks.get(made.id), "secret", "")

    ended = threading.Event()

    def write() -> None:
        """Write somewhat faster than the messages are taken, so that some are always waiting."""
        for start in range(0, CHANGES, 10):
            counts.insert_many([{"number": number} for number in range(start, start + 10)])
            while len(receiver.taken["/one"]) < start - AHEAD and not ended.wait(0.01):
                pass

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for kill in range(KILLS):
            with worker(tmp_path, url) as process:
                goal = CHANGES * kill // KILLS + chance.randrange(1, CHANGES // KILLS)
                wait_until(lambda goal=goal: len(receiver.taken["/one"]) >= goal, seconds=90)  # type: ignore[misc]
                process.send_signal(signal.SIGKILL)
                process.wait()
        with worker(tmp_path, url) as process:
            for path in secrets:
                wait_until(lambda path=path: len(receiver.taken[path]) >= CHANGES, seconds=120)  # type: ignore[misc]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    finally:
        ended.set()
        writer.join()
        app.close()
    for path, secret in secrets.items():
        received = receiver.at(path)
        for each in received:
            each.verify(secret)
        assert_at_least_once_and_in_order(taken(receiver, path), CHANGES)


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_webhooks_are_sent_by_several_processes_in_green_threads(
    url: str, engine: str, receiver: Receiver, tmp_path: Path
) -> None:
    """One at a time has the lease of a subscription; the order holds."""
    app = Brubeck(streams=[Counts, Hooks], storage=url)
    counts, hooks = app.stream(Counts), app.stream(Hooks)
    owner = Caller(app.accounts.users.create("ella").id, "ella")
    paths = [f"/{number}" for number in range(5)]
    for path in paths:
        hooks.insert({"url": receiver.url(path), "stream": Counts.path}, owner=owner)
    try:
        with worker(tmp_path, url, engine) as one, worker(tmp_path, url, engine) as two:
            for start in range(0, 100, 10):
                counts.insert_many([{"number": number} for number in range(start, start + 10)])
            for path in paths:
                wait_until(lambda path=path: len(receiver.taken[path]) >= 100, seconds=60)  # type: ignore[misc]
            for process in (one, two):
                process.send_signal(signal.SIGTERM)
            assert [process.wait(30) for process in (one, two)] == [0, 0]
    finally:
        app.close()
    for path in paths:
        assert_at_least_once_and_in_order(taken(receiver, path), 100)
