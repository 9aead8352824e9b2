"""A writer held, killed or cut off between every two of its commands loses no change."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from tests.fire.grounds import GROUNDS, SOAK, dice
from tests.fire.nursery import Nursery
from tests.fire.points import HOWS, OPERATIONS, WHENS, How, Point, Points
from tests.fire.proxy import Framing, mongo_request, redis_request
from tests.fire.verdict import check

FRAMINGS: Final[dict[str, Framing]] = {
    "redis": redis_request,
    "mongo": mongo_request,
    "mongo-set": mongo_request,
}
WAYS: Final[tuple[tuple[How, bool], ...]] = (*((how, False) for how in HOWS), ("release", True))
TIMES: Final = {"redis": 2, "mongo": 1, "mongo-set": 1}
"""How often each point is stood at in each way; between two commands lie two points."""
LONG: Final = 20
"""The same in the long version."""
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
                    Point(operation, at, when, how, impatient or random.random() < 0.3, impatient)
                    for at, when in every
                    for how, impatient in WAYS
                    for _ in range(LONG if SOAK else TIMES[ground])
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
