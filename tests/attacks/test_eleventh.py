"""What an attack on the newest parts found, and the inputs that it tried in vain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_many_searches_at_once_let_others_be_served() -> None:
    """Twenty readers of a rare filter had their turns before anybody else, for seconds."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.attacks.held_by_searches", "memory://"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=True, timeout=90)
    holds = json.loads(done.stdout)
    assert {name: hold for name, hold in holds.items() if hold > 0.3} == {}
