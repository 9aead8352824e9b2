"""schemathesis: whatever the descriptions allow is taken, whatever they do not is refused.

All of its checks run, stateful too, over the embedded server, for a few seconds; `make soak` gives
it longer. ``hooks`` says what is kept from it, and ``schemathesis.toml`` what it takes for good.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.servers.programs import ROOT, brubeck_run
from tests.servers.redis import RedisServer
from tests.soak import SOAK

SECONDS: Final = int(SOAK) or 5
SEED: Final = [] if SOAK else ["--seed", "1"]
"""The quick version asks much the same each time; the long one always something else."""


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_the_examples_do_what_their_description_says(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """On every path of all of them, in any order that links make sense of."""
    store = "memory://"
    if kind == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        store = redis.url
    with brubeck_run("tests.description.program:app", storage_default=store) as program:
        command = [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
            *("run", f"http://127.0.0.1:{program.port}/openapi.json"),
            *("--checks", "all", "--max-time", str(SECONDS), "--request-timeout", "10"),
            *("--auth", "ella:a-tisket", "--continue-on-failure", "--no-color"),
            *("--generation-database", "none", "--generation-allow-x00", "false", *SEED),
        ]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.description.hooks"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Stateful" in done.stdout
        assert "Traceback" not in program.output
