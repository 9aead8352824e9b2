"""The fourteenth attack: followers that are interrupted, and sweeps of many items."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_an_interrupted_follower_changes_nothing_for_others(engine: str) -> None:
    """One that was interrupted while another read for it got a ``ValueError`` for its timeout."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.attacks.interrupted_followers", engine]
    done = subprocess.run(
        program, capture_output=True, text=True, cwd=ROOT, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_a_sweep_of_many_items_lets_others_be_served() -> None:
    """A sweep took 0.2 s in one go, also of many partitions, and looked at kept items again."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.attacks.held_by_sweeps"]
    done = subprocess.run(
        program, capture_output=True, text=True, cwd=ROOT, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    holds = json.loads(done.stdout)
    assert holds.pop("what is purged") < 0.002
    assert {name: hold for name, hold in holds.items() if hold > 0.06} == {}
