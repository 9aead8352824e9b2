"""The thirteenth attack: the embedded server with as many connections as it may have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_many_connections_let_others_be_served() -> None:
    """They were accepted and ended all at once, and looked through for each client that came."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.attacks.held_by_connections"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=True, timeout=90)
    found = json.loads(done.stdout)
    assert found["accept"] < 0.03
    assert found["expire"] < 0.03
    assert found["newcomer"] < 100
