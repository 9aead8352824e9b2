"""Green threads share one connection to a Redis, whatever the network does to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.redis import RedisServer

SCENARIOS = (
    *("ordered", "cut_off", "spoiled", "frozen", "killed", "interrupted", "huge", "forked"),
    *("swallowed", "pages", "closed"),
)


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_thread_gets_its_own_reply(scenario: str, engine: str, tmp_path: Path) -> None:
    """Or an `Unavailable`, within its timeout."""
    server = RedisServer(tmp_path)
    server.run()
    try:
        assert server.process is not None
        program = [sys.executable, "-m", "tests.storage.pipelined", scenario]
        arguments = [str(server.port), str(server.process.pid)]
        variables = os.environ | {"BRUBECK_GREEN": engine}
        done = subprocess.run(
            [*program, *arguments],
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr
    assert not done.stderr
