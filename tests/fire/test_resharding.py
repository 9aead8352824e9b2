"""A Redis Cluster under fire whose slot is moved from master to master, a key at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.fire.crew import STREAM, Crew
from tests.fire.grounds import TIMEOUT, dice, options
from tests.fire.nursery import Nursery
from tests.fire.verdict import check, judge
from tests.fire.writes import SCHEMA, open_under_fire
from tests.servers.redis import RedisServer, redis_cluster
from tests.servers.resharding import Resharding
from tests.soak import SOAK, often

MOVES = often(2, 40)
WRITES = often(3000, 20_000)


class Mover:
    """Moves the slot of a stream so many times, one step whenever it is called."""

    def __init__(self, masters: list[RedisServer], key: str, dice: random.Random) -> None:
        self._moving = Resharding(masters, key)
        self._masters = masters
        self._dice = dice
        self._steps: Iterator[str] = iter(())
        self.left = MOVES

    def __call__(self) -> None:
        """Take a step of the present move, or begin the next one."""
        if next(self._steps, None) is None and self.left and self._dice.random() < 0.2:
            self.left -= 1
            others = [each for each in self._masters if each is not self._moving.owner()]
            self._steps = self._moving.steps(self._dice.choice(others))

    def finish(self) -> None:
        """Take the rest of the steps of the present move."""
        for _ in self._steps:
            pass


def test_a_slot_that_is_moved_loses_no_write_and_no_change(crib: Nursery, tmp_path: Path) -> None:
    """Writers and readers wait, and go on at the other master; readers start over once a move."""
    random = dice("resharding")
    with redis_cluster(tmp_path) as masters:
        places = ",".join(f"127.0.0.1:{server.port}" for server in masters)
        url = f"redis+cluster://{places}?{options()}"
        storage = open_under_fire(url)
        stream = storage.records(STREAM, SCHEMA)
        crew = Crew(crib, url, tmp_path, random, total=WRITES)
        mover = Mover(masters, f"brubeck:{{{STREAM}}}", random)
        try:
            crew.work(seconds=SOAK + 180, pause=(TIMEOUT * 0.5, TIMEOUT * 1.2), also=mover)
            mover.finish()
            crew.catch_up(stream)
            faults = judge(stream, crew.sent(), crew.readings())
        finally:
            crew.end()
            storage.close()
    print(crew.tally, f"{MOVES - mover.left} moves")
    check(faults, crew.tally)
    assert mover.left < MOVES
    assert crew.tally.lost
