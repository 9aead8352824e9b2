"""The tests of the tests: storages that lose changes are found out, at points and by chance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.fire.crew import STREAM, Crew
from tests.fire.grounds import TIMEOUT, Ground, dice, mongo_url
from tests.fire.nursery import Nursery
from tests.fire.points import WHENS, Point, Points
from tests.fire.proxy import mongo_request
from tests.fire.verdict import judge
from tests.fire.writes import SCHEMA, open_under_fire
from tests.fire.wrong import WRONG
from tests.servers.mongo import MongoServer, mongo_alone


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """Yield a MongoDB."""
    with mongo_alone(tmp_path_factory.mktemp("wrong")) as found:
        yield found


@pytest.fixture(params=WRONG)
def ground(request: pytest.FixtureRequest, server: MongoServer) -> Ground:
    """Return a place that a wrong storage spoils."""
    return Ground(f"{request.param}+{mongo_url(server)}", server)


def test_holding_a_writer_shows_what_is_lost(ground: Ground, crib: Nursery, tmp_path: Path) -> None:
    """Some point in the middle of a write, and a reader that passes by, find the fault."""
    points = Points(crib, ground, mongo_request, tmp_path, dice("wrong"))
    try:
        commands = points.commands("create")
        every = product(range(len(commands)), WHENS)
        points.round([Point("create", at, when, "release") for at, when in every])
        faults = points.faults()
    finally:
        points.close()
    assert any("believes" in fault for fault in faults), faults


def test_stopping_writers_at_random_shows_what_is_lost(
    ground: Ground, crib: Nursery, tmp_path: Path
) -> None:
    """The fire that the genuine storages stand."""
    crew = Crew(crib, ground.url, tmp_path, dice("wrong"), total=600)
    storage = open_under_fire(ground.url)
    stream = storage.records(STREAM, SCHEMA)
    try:
        crew.work(seconds=120, pause=(TIMEOUT * 0.5, TIMEOUT * 0.6), stops=0.95)
        crew.catch_up(stream)
        faults = judge(stream, crew.sent(), crew.readings())
    finally:
        crew.end()
        storage.close()
    print(crew.tally, len(faults))
    assert any("believes" in fault for fault in faults), faults
