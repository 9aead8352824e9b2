"""Workers in two networks with clocks of their own, one of which is cut off for a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.fire.crew import STREAM, Crew, Member
from tests.fire.grounds import TIMEOUT, Ground, dice, mongo_ground, redis_ground
from tests.fire.nursery import nursery
from tests.fire.reaper import Reaper
from tests.fire.verdict import check, judge
from tests.fire.writes import SCHEMA, open_under_fire
from tests.servers import wait_until
from tests.servers.networks import Link, linked, require_networks
from tests.soak import SOAK, often

AHEAD: Final = 300
"""Milliseconds by which the clock of one network is ahead of the other's."""
PARTITIONS: Final = often(1, 20)
GROUNDS: Final[dict[str, Callable[..., AbstractContextManager[Ground]]]] = {
    "redis": redis_ground,
    "mongo": mongo_ground,
}
WRITES: Final = {"redis": often(2000, 20_000), "mongo": often(300, 3000)}


class Partition:
    """Cuts a link until those behind it have noticed, and the others have gone on without them."""

    def __init__(self, link: Link, behind: list[Member], others: list[Member]) -> None:
        self._link = link
        self._behind = behind
        self._others = others

    def __call__(self) -> None:
        """Cut the link, and mend it."""
        self._link.cut()
        try:
            before = {each.path: each.noted for each in self._behind}
            wait_until(
                lambda: any(b"unavailable" in _since(each, before) for each in self._behind),
                seconds=30,
                what="nobody noticed that the link was cut",
            )
            others = sum(each.noted for each in self._others)
            wait_until(
                lambda: sum(each.noted for each in self._others) > others,
                seconds=30,
                what="those who were not cut off did not go on",
            )
        finally:
            self._link.mend()


def _since(member: Member, before: dict[Path, int]) -> bytes:
    return member.path.read_bytes()[before[member.path] :] if member.path.exists() else b""


@pytest.mark.parametrize("ground", GROUNDS)
def test_networks_that_part_and_clocks_that_differ_lose_nothing(
    ground: str, tmp_path: Path
) -> None:
    """Positions increase for all, whoever's clock is behind; a link that comes back is enough."""
    require_networks()
    random = dice("partition", ground)
    with ExitStack() as stack:
        enter = stack.enter_context
        nurseries = []
        for name, ahead in (("near", 0), ("far", AHEAD)):
            (tmp_path / name).mkdir()
            nurseries.append(enter(nursery(tmp_path / name, network=True, ahead=ahead)))
        links = [enter(linked(each.pid)) for each in nurseries]
        near, far = (each.order(time=True) for each in nurseries)
        assert far - near >= AHEAD * 1000
        found = enter(GROUNDS[ground](tmp_path, [each.host for each in links]))
        urls = [found.url.replace("127.0.0.1", each.host) for each in links]
        homes = list(zip(nurseries, urls, strict=True))
        crew = Crew(*homes[0], tmp_path, random, total=WRITES[ground], elsewhere=homes[1])
        behind = [each for each in crew.everybody() if each.home == homes[1]]
        others = [each for each in crew.everybody() if each.home == homes[0]]
        reaper = Reaper(Partition(links[1], behind, others), random, PARTITIONS)
        storage = open_under_fire(found.url)
        stream = storage.records(STREAM, SCHEMA)
        try:
            crew.work(seconds=SOAK + 180, pause=(TIMEOUT * 0.2, TIMEOUT), also=reaper)
            crew.catch_up(stream)
            faults = judge(stream, crew.sent(), crew.readings())
        finally:
            crew.end()
            storage.close()
    print(crew.tally, f"{PARTITIONS - reaper.left} partitions")
    check(faults, crew.tally)
    assert reaper.left < PARTITIONS
    assert not crew.tally.lost
