"""The same promises where green threads share one process: each suite again, patched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SUITES = ("test_memory.py", "test_sqlite.py", "test_redis.py", "test_mongo.py")


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
@pytest.mark.parametrize("suite", SUITES)
def test_a_storage_keeps_the_contract_on_green_threads(suite: str, engine: str) -> None:
    """In a process of its own, since patching cannot be undone."""
    command = [sys.executable, "-m", "tests.storage.patched", engine, str(HERE / suite)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=HERE.parents[1],
        env=os.environ | {"CONFORMANCE_HISTORIES": "15"},  # the same code, scheduled otherwise
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
