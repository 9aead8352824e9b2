"""The clients of the documentation keep a copy that is right, whatever happens to it."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from examples.clients.mirror import mirror
from tests.clients.test_eventsource import node_package, served
from tests.servers import wait_until
from tests.servers.cutting import Cutter, cutter
from tests.servers.programs import running

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


def copies_in_python(url: str, stack: ExitStack) -> Callable[[], list[Any]]:
    """Run the mirror in a thread, and return what tells its copy."""
    latest: list[list[Any]] = [[]]

    def run() -> None:
        for items in mirror(url):
            latest[0] = sorted(items.values(), key=lambda item: str(item["id"]))

    threading.Thread(target=run, daemon=True).start()
    return lambda: latest[0]


def copies_in_node(url: str, stack: ExitStack) -> Callable[[], list[Any]]:
    """Run the mirror of browsers, and return what tells its copy."""
    node_package()
    program = stack.enter_context(running("node", str(HERE / "mirror.mjs"), url))

    def latest() -> list[Any]:
        lines = [line for line in program.output.splitlines(keepends=True) if line[-1] == "\n"]
        found: list[Any] = json.loads(lines[-1]) if lines else []
        return found

    return latest


@pytest.mark.parametrize("copies_in", [copies_in_python, copies_in_node])
def test_a_copy_comes_to_be_the_truth(
    copies_in: Callable[[str, ExitStack], Callable[[], list[Any]]],
) -> None:
    """After writes of every kind, cuts, and a new era that loses its place."""
    dice = random.Random(7)
    with ExitStack() as stack:
        port = stack.enter_context(served("embedded"))
        way = stack.enter_context(cutter(port))
        _write(port, dice, 60)
        copy = copies_in(f"http://127.0.0.1:{way.port}/notes", stack)
        wait_until(lambda: copy() == truth(port), seconds=30)
        for _ in range(5):
            taken = way.taken
            _write(port, dice, 20)
            way.cut()
            _write(port, dice, 20)
            wait_until(partial(_comes_back, way, taken), seconds=30)
        send(port, "POST", "/new-era")
        _write(port, dice, 20)
        way.cut()
        wait_until(lambda: copy() == truth(port), seconds=30)


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
