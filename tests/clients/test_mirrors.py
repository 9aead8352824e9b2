"""The clients of the documentation keep a copy that is right, whatever happens to it."""

from __future__ import annotations

import json
import random
import sys
from contextlib import ExitStack
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_eventsource import node_package, served
from tests.servers import wait_until
from tests.servers.cutting import Cutter, cutter
from tests.servers.programs import Program, running

HERE = Path(__file__).parent


def send(port: int, method: str, path: str, body: object = None) -> Any:
    """Ask for something, and return the answer's JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse().read()
    connection.close()
    return json.loads(answer) if answer else None


def truth(port: int) -> list[Any]:
    """Return every item, by its id."""
    found = send(port, "GET", "/notes?limit=200")["data"]
    return sorted(found, key=lambda item: str(item["id"]))


def last_copy(program: Program) -> list[Any]:
    """Return the copy that a mirror has printed last."""
    lines = [line for line in program.output.splitlines() if line.startswith("[")]
    try:
        found: list[Any] = json.loads(lines[-1]) if lines else []
    except json.JSONDecodeError:  # it is just being written
        return []
    return found


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_copy_comes_to_be_the_truth(language: str) -> None:
    """After writes of every kind, cuts, and a new era that loses its place."""
    command = [sys.executable, "-m", "tests.clients.mirrored"]
    if language == "node":
        node_package()
        command = ["node", str(HERE / "mirror.mjs")]
    dice = random.Random(7)
    with ExitStack() as stack:
        port = stack.enter_context(served("embedded"))
        way = stack.enter_context(cutter(port))
        _write(port, dice, 60)
        url = f"http://127.0.0.1:{way.port}/notes"
        program = stack.enter_context(running(*command, url))
        wait_until(lambda: last_copy(program) == truth(port), seconds=30)
        for _ in range(5):
            taken = way.taken
            _write(port, dice, 20)
            way.cut()
            _write(port, dice, 20)
            wait_until(partial(_comes_back, way, taken), seconds=30)
        send(port, "POST", "/new-era")
        _write(port, dice, 20)
        way.cut()
        wait_until(lambda: last_copy(program) == truth(port), seconds=30)


def _comes_back(way: Cutter, taken: int) -> bool:
    return way.taken > taken


def _write(port: int, dice: random.Random, count: int) -> None:
    """Create, replace and delete some of forty items."""
    for _ in range(count):
        path = f"/notes/n{dice.randrange(40)}"
        if dice.random() < 0.3:
            send(port, "DELETE", path)
        else:
            send(port, "PUT", path, {})
