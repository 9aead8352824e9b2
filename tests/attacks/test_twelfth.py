"""The twelfth attack: tables of many fields, long imports, and what is held for slow clients."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_items_of_many_fields_let_others_be_served() -> None:
    """A page of HTML, a step of a CSV export and an import of bad lines took 0.2 s in one go."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.attacks.held_by_columns"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=True, timeout=90)
    holds = json.loads(done.stdout)
    assert {name: hold for name, hold in holds.items() if hold > 0.1} == {}
