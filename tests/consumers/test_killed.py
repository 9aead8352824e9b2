"""Consumers as real processes, killed again and again: at least once, in order, none lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from brubeck import Brubeck
from tests.consumers.program import Counts
from tests.servers import wait_until
from tests.servers.programs import ROOT
from tests.soak import often

CHANGES = often(2_000, 20_000)


@contextmanager
def worker(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the consumers in a process of their own."""
    env = {**os.environ, "NOTES": str(folder / "notes"), "BRUBECK_STORAGE_DEFAULT": url}
    env["BRUBECK_JOBS_LEASE"] = "1s"
    command = [sys.executable, "-m", "brubeck", "work", "tests.consumers.program:app"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def notes(folder: Path) -> list[dict[str, Any]]:
    """Return the lines that were noted, without one that a kill has cut."""
    path = folder / "notes"
    return _parsed(path.read_bytes()) if path.exists() else []


def _parsed(text: bytes) -> list[dict[str, Any]]:
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def heeds_sigterm(pid: int) -> bool:
    """Return whether a process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


class Noted:
    """The numbers of the changes that were noted, read on from where they were read last."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "notes"
        self._read = 0
        self.numbers: set[int] = set()

    def __call__(self, goal: int) -> bool:
        """Return whether so many different changes were noted."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
            self._read += len(whole)
            self.numbers |= {each["number"] for each in _parsed(whole)}
        return len(self.numbers) >= goal


@pytest.mark.parametrize("kind", ["sqlite", "redis", "mongodb"])
def test_every_change_is_delivered_at_least_once_and_in_order(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Whenever a process is killed; a change that comes again has the same key."""
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/counts.db"
    elif kind == "redis":
        url = request.getfixturevalue("redis_server").url
    else:
        url = f"mongodb://127.0.0.1:{request.getfixturevalue('mongo_server').port}/consumed"
    chance = random.Random(5)
    app = Brubeck(streams=[Counts], storage=url)
    counts = app.stream(Counts)
    has_noted = Noted(tmp_path)
    try:
        for started in range(0, CHANGES, CHANGES // 4):
            step = range(started, started + CHANGES // 4)
            counts.insert_many([{"number": number} for number in step])
            with worker(tmp_path, url) as process:
                goal = started + chance.randrange(1, CHANGES // 4)
                wait_until(partial(has_noted, goal), seconds=60)
                process.send_signal(signal.SIGKILL)
                process.wait()
        with worker(tmp_path, url) as process:
            wait_until(partial(has_noted, CHANGES), seconds=90)
            assert has_noted.numbers == set(range(CHANGES))
            # The one before may have noted all: this one has only just begun.
            wait_until(partial(heeds_sigterm, process.pid), seconds=30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    finally:
        app.close()
    found = notes(tmp_path)
    keys: dict[str, int] = {}
    for each in found:
        assert keys.setdefault(each["key"], each["number"]) == each["number"]
    assert len(keys) == CHANGES
    # Where a process took over it goes back a little; otherwise positions only grow.
    first: dict[str, int] = {}
    for index, each in enumerate(found):
        first.setdefault(each["key"], index)
    order = sorted(first, key=first.__getitem__)
    positions = {each["key"]: each["position"] for each in found}
    assert [positions[key] for key in order] == sorted(positions.values())
