"""The same promises where green threads share one process: the suites again, patched.

An engine changes how a storage waits: for its server, for other threads and processes, for a batch
to fill. What it answers when it does not wait is the same code with or without an engine, so that
the short version takes the tests that wait or send much, and a few of the others; the long version
takes all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.soak import SOAK

HERE = Path(__file__).parent
SUITES = ("test_memory.py", "test_sqlite.py", "test_redis.py", "test_mongo.py")
WAITING: Final = (
    *("process", "shared", "woken", "many_writers", "while_an_index_is_built"),
    *("sent_twice", "carried_out_once", "counted"),
)
"""Words in the names of tests of what waits, of other processes, of deadlines and of windows."""
MUCH: Final = ("thousand", "large", "no_document_could_hold", "batch")
"""The same of tests that send more than a socket takes at once."""
SAMPLE: Final = ("history", "goes_in_comes_out", "a_walk_yields", "each_operator", "lost")
"""The same of some others, with few examples each."""
SHORT: Final = {
    "eventlet": f"({' or '.join((*WAITING, *MUCH, *SAMPLE))}) and not TestMongoAlone",
    "gevent": f"({' or '.join(WAITING)}) and not TestMongoAlone",
}
"""What the short version takes; a replica set is written to as one server is, and waited for."""


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
@pytest.mark.parametrize("suite", SUITES)
def test_a_storage_keeps_the_contract_on_green_threads(suite: str, engine: str) -> None:
    """In a process of its own, since patching cannot be undone."""
    path = str(HERE / suite)
    command = [sys.executable, "-m", "tests.storage.patched", engine, path]
    # Loading the plugins of other people's tests takes longer than most suites do.
    more = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    more |= {"BRUBECK_SOAK": f"{SOAK}"} if SOAK else {"CONFORMANCE_HISTORIES": "3"}
    done = subprocess.run(
        command if SOAK else [*command, "-k", SHORT[engine]],
        capture_output=True,
        text=True,
        timeout=3600 if SOAK else 300,
        check=False,
        cwd=HERE.parents[1],
        env=os.environ | more,  # the same code, scheduled otherwise
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
