"""A replica set under fire whose primary steps down, again and again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pymongo.errors

from tests.fire.crew import STREAM, Crew
from tests.fire.grounds import dice, options
from tests.fire.nursery import Nursery
from tests.fire.reaper import Reaper
from tests.fire.verdict import check, judge
from tests.fire.writes import SCHEMA, open_under_fire
from tests.servers.mongo import MongoServer, await_primary, mongo_set, set_url
from tests.soak import SOAK, often

STEPDOWNS = often(2, 30)
WRITES = often(120, 2000)
AWAY = 2
"""Seconds for which a primary that has stepped down may not be elected."""


def _step_down(members: list[MongoServer]) -> None:
    """Have the primary step down, and wait for the next one."""
    old = await_primary(members, seconds=60)
    # None of the others may have caught up yet, and the connection may be cut with the rest.
    with old.client() as client, suppress(pymongo.errors.PyMongoError):
        client.admin.command("replSetStepDown", AWAY, secondaryCatchUpPeriodSecs=1)
    await_primary(members, seconds=60)


def test_a_primary_that_steps_down_loses_nothing(crib: Nursery, tmp_path: Path) -> None:
    """Its writers go on with the next one; no write is lost or done twice, and no era begins."""
    random = dice("stepdown")
    with mongo_set(tmp_path, members=3) as members:
        url = f"{set_url(members)}&{options()}"
        crew = Crew(crib, url, tmp_path, random, total=WRITES)
        reaper = Reaper(lambda: _step_down(members), random, STEPDOWNS)
        storage = open_under_fire(url)
        stream = storage.records(STREAM, SCHEMA)
        before = _terms(members)
        try:
            crew.work(seconds=SOAK + 180, pause=(0.1, 0.5), also=reaper)
            crew.catch_up(stream)
            faults = judge(stream, crew.sent(), crew.readings())
        finally:
            crew.end()
            storage.close()
        elections = _terms(members) - before
    print(crew.tally, f"{elections} elections")
    check(faults, crew.tally)
    assert elections > 0
    assert not crew.tally.lost


def _terms(members: list[MongoServer]) -> int:
    """Return the number of elections that the set has had."""
    with members[0].client() as client:
        return int(client.admin.command("replSetGetStatus")["term"])
