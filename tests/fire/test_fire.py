"""G3 under fire: writers and readers are killed and stopped at random, and no change is missed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.fire.crew import STREAM, Crew, touched_once
from tests.fire.grounds import GROUNDS, SOAK, TIMEOUT, dice
from tests.fire.nursery import Nursery
from tests.fire.verdict import check, judge
from tests.fire.writes import SCHEMA, open_under_fire

QUICK: Final = {
    "sqlite": 8000,
    "redis": 20_000,
    "redis-cluster": 4000,
    "mongo": 2500,
    "mongo-set": 2500,
}
"""How many writes there are in the quick version."""
ENDLESS: Final = 10_000_000
PACE: Final = {"sqlite": 0.02, "redis": 0.02, "redis-cluster": 0.02}
"""Seconds at the most between two writes of one writer in the long version: its journals grow."""


@pytest.mark.parametrize("ground", GROUNDS)
def test_no_change_is_missed_under_fire(ground: str, crib: Nursery, tmp_path: Path) -> None:
    """Every reader's view is the stream, in order, and every acknowledged write is there, once."""
    random = dice(ground)
    total = QUICK[ground]
    with GROUNDS[ground](tmp_path) as found:
        crew = Crew(
            crib,
            found.url,
            tmp_path,
            random,
            total=ENDLESS if SOAK else total,
            shared=total // 50,
            pace=PACE.get(ground, 0) if SOAK else 0,
        )
        storage = open_under_fire(found.url)
        stream = storage.records(STREAM, SCHEMA)
        try:
            pause = (TIMEOUT * 1.1, TIMEOUT * 1.5)
            crew.work(seconds=SOAK + 180, pause=pause, lasts=SOAK)
            crew.catch_up(stream)
            sent = crew.sent()
            faults = judge(stream, sent, crew.readings())
        finally:
            crew.end()
            storage.close()
    print(ground, len(sent), crew.tally)
    check(faults, crew.tally)
    assert len(sent) >= (min(20_000, 20 * SOAK) if SOAK else total)
    assert touched_once(sent) >= 0.5
