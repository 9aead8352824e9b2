"""G3 under fire: writers and readers are killed and stopped at random, and no change is missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fire.crew import STREAM, Crew, touched_once
from tests.fire.grounds import GROUNDS, TIMEOUT, dice
from tests.fire.nursery import Nursery
from tests.fire.verdict import check, judge
from tests.fire.writes import SCHEMA, open_under_fire

QUICK = {"sqlite": 20_000, "redis": 20_000, "mongo": 4000, "mongo-set": 3000}
"""How many writes there are in the quick version."""


@pytest.mark.parametrize("ground", GROUNDS)
def test_no_change_is_missed_under_fire(ground: str, crib: Nursery, tmp_path: Path) -> None:
    """Every reader's view is the stream, in order, and every acknowledged write is there, once."""
    random = dice(ground)
    total = QUICK[ground]
    with GROUNDS[ground](tmp_path) as found:
        crew = Crew(crib, found.url, tmp_path, random, total=total)
        storage = open_under_fire(found.url)
        stream = storage.queryset(STREAM, SCHEMA)
        try:
            crew.work(seconds=120, pause=(TIMEOUT * 1.1, TIMEOUT * 1.5))
            crew.catch_up(stream)
            sent = crew.sent()
            faults = judge(stream, sent, crew.readings())
        finally:
            crew.end()
            storage.close()
    print(crew.tally, len(sent))
    check(faults, crew.tally)
    assert len(sent) >= total - 4
    assert touched_once(sent) >= 0.5
