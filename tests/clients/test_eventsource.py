"""The npm packages eventsource and fetch-event-source follow a stream that is cut off often."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.servers import wait_until
from tests.servers.cutting import cutter
from tests.servers.mongrel2 import running_mongrel2
from tests.servers.programs import Program, brubeck_run, running

HERE = Path(__file__).parent
CUTS = 20
ITEMS = 400


def node_package() -> None:
    """Skip where the package is not installed, and fail there in CI."""
    if shutil.which("node") is None or not (HERE / "node_modules" / "eventsource").is_dir():
        message = "needs node and: npm install --prefix tests/clients --no-package-lock"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@contextmanager
def served(over: str) -> Iterator[int]:
    """Yield the port of the program."""
    program = "tests.clients.program:app"
    if over == "embedded":
        with brubeck_run(program) as server:
            yield server.port
        return
    with (
        running_mongrel2() as front,
        brubeck_run(program, listen=f"{front.send_spec},{front.recv_spec}"),
    ):
        yield front.port


def told(follower: Program) -> list[dict[str, object]]:
    """Return what the follower has printed."""
    whole = [line for line in follower.output.splitlines(keepends=True) if line[-1] == "\n"]
    return [json.loads(line) for line in whole]


def _has(follower: Program, kind: str, count: int) -> bool:
    """Tell whether the follower has printed so many of a kind."""
    return sum(each["kind"] == kind for each in told(follower)) >= count


def post(port: int, ids: list[str]) -> None:
    """Create items."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps([{"id": each} for each in ids])
    connection.request("POST", "/notes", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()


@pytest.mark.reads("eventsource (npm)", "SSE")
@pytest.mark.reads("@microsoft/fetch-event-source", "SSE")
@pytest.mark.parametrize(
    ("over", "client"),
    [("embedded", "follow"), ("mongrel2", "follow"), ("embedded", "follow-fetch")],
)
def test_it_misses_and_repeats_nothing_across_twenty_cuts(over: str, client: str) -> None:
    """Each change once and in order, though connections end in the middle of messages."""
    node_package()
    dice = random.Random(20)
    ids = [f"n{number}" for number in range(ITEMS)]
    with served(over) as port, cutter(port) as way:
        url = f"http://127.0.0.1:{way.port}/notes/changes"
        with running("node", str(HERE / f"{client}.mjs"), url) as follower:
            wait_until(partial(_has, follower, "checkpoint", 1), seconds=30)
            for cut in range(CUTS):
                wait_until(partial(_has, follower, "open", cut + 1), seconds=30)
                some = ids[cut * 20 : cut * 20 + 20]
                before = dice.randrange(1, 20)
                post(port, some[:before])
                way.cut()
                post(port, some[before:])
            wait_until(partial(_has, follower, "put", ITEMS), seconds=30)
            found = told(follower)
    puts = [each for each in found if each["kind"] == "put"]
    assert [each["data"]["id"] for each in puts] == ids  # type: ignore[index]  # it is an object
    positions = [each["data"]["position"] for each in puts]  # type: ignore[index]
    assert positions == sorted(set(positions))
    assert sum(each["kind"] == "open" for each in found) >= CUTS
    assert not any(each["kind"] in ("reset", "delete") for each in found)
