"""A writer held, killed or cut off between every two of its commands loses no change."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

import pytest

from tests.fire.grounds import GROUNDS, dice
from tests.fire.nursery import Nursery
from tests.fire.points import HOWS, OPERATIONS, WHENS, How, Operation, Point, Points
from tests.fire.proxy import Framing, When, mongo_request, redis_request
from tests.fire.verdict import check
from tests.soak import SOAK, often

FRAMINGS: Final[dict[str, Framing]] = {
    "redis": redis_request,
    "mongo": mongo_request,
    "mongo-set": mongo_request,
}
WAYS: Final[tuple[tuple[How, bool], ...]] = (*((how, False) for how in HOWS), ("release", True))
LONG: Final = 20
"""How often each point is stood at in each way in the long version."""
ONE_WAY: Final = {"mongo"}
"""Where the short version stands at each moment in one way, another one each time: the commands
are those of a replica set, where it stands in all of them."""
AT_ONCE: Final = 12
"""How many victims stand at once."""


def every_point(
    operation: Operation, count: int, chance: Random, *, one_way: bool
) -> Iterator[Point]:
    """Yield where a write of so many commands is to be held, and how.

    Between two commands lie two points that a server cannot tell apart, unless the connection is
    cut or the write is sent again there: the short version takes one of the two.
    """
    for how, impatient in WAYS:
        points: list[tuple[int, When]] = list(product(range(count), WHENS))
        if not SOAK and how != "drop" and not impatient:
            between = zip(points[1:-1:2], points[2::2], strict=True)
            points = [points[0], *(chance.choice(each) for each in between), points[-1]]
        for at, when in points:
            if not one_way or chance.random() < 1 / len(WAYS):
                meddled = impatient or chance.random() < 0.3
                yield Point(operation, at, when, how, meddled, impatient)


@pytest.mark.parametrize("ground", FRAMINGS)
def test_a_writer_held_between_any_two_commands(ground: str, crib: Nursery, tmp_path: Path) -> None:
    """Each point, before and after each command, released, killed and cut off."""
    random = dice(ground)
    began = monotonic()
    with GROUNDS[ground](tmp_path) as found:
        points = Points(crib, found, FRAMINGS[ground], tmp_path, random)
        try:
            due: list[Point] = []
            for operation in OPERATIONS:
                commands = points.commands(operation)
                print(operation, commands)
                one_way = ground in ONE_WAY and not SOAK
                for _ in range(often(1, LONG)):
                    due += every_point(operation, len(commands), random, one_way=one_way)
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
