"""A writer to SQLite stopped or killed before any statement of its transaction loses no change."""

from __future__ import annotations

import signal
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec

from brubeck.storage import Unavailable
from tests.fire.crew import STREAM
from tests.fire.grounds import Ground, dice, sqlite_ground
from tests.fire.journal import entries
from tests.fire.nursery import Child, Nursery
from tests.fire.points import OPERATIONS, Operation, Point, Points
from tests.fire.verdict import check
from tests.fire.writes import Sent
from tests.servers import wait_until
from tests.soak import often

TIMES: Final = often(1, 10)
"""How often each point is stood at, stopped and killed alike."""
BUSY: Final = 0.05
"""Seconds that a write waits for another process's."""


class Statements(Points):
    """Points that a victim finds by itself, one at a time: whoever writes holds up the others."""

    def __init__(self, nursery: Nursery, ground: Ground, directory: Path) -> None:
        super().__init__(nursery, ground, lambda _: None, directory, dice("statements"))
        self.busy = 0
        """How often others were told that they could not write now."""

    def stand(self, operation: Operation, statement: int, number: int) -> int:
        """Have a victim signal itself before a statement, and return how many it came to."""
        sent = self.prepare(Point(operation, statement, "before", "release"))
        path = self.directory / f"victim{self._number}"
        writes = msgspec.json.encode(sent).decode()
        Path(f"{path}.go").touch()
        child = self.nursery.start(
            "victim", self.ground.url, STREAM, path, f"{path}.go", writes, statement, number
        )
        try:
            wait_until(
                lambda: any("answered" in each or "stands" in each for each in entries(path)),
                seconds=30,
                what=self.nursery.log.read_text()[-2000:],
            )
            self._others_write()
            self.follow()
            _until_it_ends(child)
        finally:
            child.kill()
        assert child.status in (0, -signal.SIGKILL)
        self.others(self.dice.randint(20, 50))
        for entry in entries(path):
            if "answered" in entry:
                sent = msgspec.convert(entry["answered"], list[Sent])
        self.sent += sent
        self.follow()
        return max(int(entry.get("statements", 0)) for entry in entries(path))

    def _others_write(self) -> None:
        began = monotonic()
        try:
            self.others(self.dice.randint(20, 50))
        except Unavailable:
            self.busy += 1
            assert monotonic() - began < BUSY + 2


def _until_it_ends(child: Child) -> None:
    def ended() -> bool:
        child.signal(signal.SIGCONT)
        return child.poll() is not None

    wait_until(ended, seconds=30)


def test_a_writer_stopped_or_killed_at_any_statement(crib: Nursery, tmp_path: Path) -> None:
    """Before each statement, and after the commit before anybody is told."""
    with sqlite_ground(tmp_path, timeout=BUSY) as ground:
        points = Statements(crib, ground, tmp_path)
        stood = 0
        try:
            for operation in OPERATIONS:
                count = points.stand(operation, -1, 0)
                assert count >= 6
                signals = (signal.SIGSTOP, signal.SIGKILL)
                for statement, number in product(range(count), signals):
                    for _ in range(TIMES):
                        points.stand(operation, statement, number)
                        stood += 1
            faults = points.faults()
        finally:
            points.close()
    print(f"{stood} stood, and others were told to wait {points.busy} times")
    check(faults)
    assert points.busy
