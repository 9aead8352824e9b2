"""A writer held, killed or cut off between every two of its commands loses no change."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from tests.fire.grounds import GROUNDS, SOAK, dice
from tests.fire.nursery import Nursery
from tests.fire.points import HOWS, OPERATIONS, WHENS, Point, Points
from tests.fire.proxy import Framing, mongo_request, redis_request
from tests.fire.verdict import check

FRAMINGS: Final[dict[str, Framing]] = {
    "redis": redis_request,
    "mongo": mongo_request,
    "mongo-set": mongo_request,
}
TIMES: Final = 20 if SOAK else 2
"""How often each point is stood at."""
AT_ONCE: Final = 12
"""How many victims stand at once."""


@pytest.mark.parametrize("ground", FRAMINGS)
def test_a_writer_held_between_any_two_commands(ground: str, crib: Nursery, tmp_path: Path) -> None:
    """Each point, before and after each command, released, killed and cut off."""
    random = dice(ground)
    began = monotonic()
    with GROUNDS[ground](tmp_path) as found:
        points = Points(crib, found, FRAMINGS[ground], tmp_path, random)
        try:
            due = []
            for operation in OPERATIONS:
                commands = points.commands(operation)
                print(operation, commands)
                every = product(range(len(commands)), WHENS)
                due += [
                    Point(operation, at, when, how, random.random() < 0.3)
                    for at, when in every
                    for how in HOWS
                    for _ in range(TIMES)
                ]
            random.shuffle(due)
            for start in range(0, len(due), AT_ONCE):
                points.round(due[start : start + AT_ONCE])
            faults = points.faults()
        finally:
            points.close()
    stood = sum(points.stood.values())
    print(f"{ground}: {stood} of {len(due)} stood, {monotonic() - began:.1f} s")
    check(faults, f"{stood} stood")
    assert stood >= 0.9 * len(due)
