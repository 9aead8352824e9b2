"""The fifteenth attack: names that hang."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_names_without_an_answer_hold_up_no_other() -> None:
    """On gevent the threads that wait for them were those of SQLite, and of all other names."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.attacks.held_by_names"]
    done = subprocess.run(
        program, capture_output=True, text=True, cwd=ROOT, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    waits = json.loads(done.stdout)
    assert {name: wait for name, wait in waits.items() if wait > 3} == {}
