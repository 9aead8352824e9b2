"""Running the programs of this folder, each in a patched process, for their measurements."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def measured(name: str, *args: str, seconds: float = 90, **environment: str) -> Any:
    """Return the JSON that a program prints; ``environment`` is added to that of the tests."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"tests.attacks.{name}", *args],
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
