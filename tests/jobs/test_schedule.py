"""Jobs that are sent once a period: by one process of all, and once after a pause."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Thread
from typing import Any, ClassVar

import pytest

from brubeck import Brubeck
from brubeck.errors import ConfigError
from brubeck.jobs import JobHandler, JobStream, OwnedJob
from brubeck.jobs.schedule import SCHEDULES
from brubeck.storage import Delete, PageQuery, RecordSchema
from brubeck.storage.ids import new_id
from brubeck.timekeeping import HeldClock
from tests.jobs.conftest import SHARED, MakeApp, working
from tests.jobs.program import state_of
from tests.servers import wait_until

HOUR = 3_600_000_000
DAY = 24 * HOUR
NOON = 20_000 * DAY + 12 * HOUR


class Report(JobHandler):
    """Is sent every day."""

    every = "1d"
    done: ClassVar[list[str]] = []

    def work(self) -> None:
        """Note that it was done."""
        Report.done.append(self.job_id)


class Glance(JobHandler):
    """Is sent every hour."""

    every = 3600

    def work(self) -> str:
        """Return what it was sent with."""
        return repr(self.data)


class Reports(JobStream):
    """Both of them."""

    handlers = ((r"^/report$", Report), (r"^/glance$", Glance))


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget what other tests did."""
    Report.done.clear()


@pytest.fixture
def clock() -> HeldClock:
    """Return a clock that stands at noon."""
    return HeldClock(NOON)


@pytest.fixture
def app(clock: HeldClock) -> Iterator[Brubeck]:
    """Yield a program whose jobs wait in memory."""
    made = Brubeck(streams=[Reports], clock=clock)
    yield made
    made.close()


def paths(app: Brubeck, jobs: list[str]) -> list[str]:
    """Return the paths of some jobs."""
    return [state_of(app, job, Reports)["path"] for job in jobs]


def test_a_job_is_sent_once_a_period(app: Brubeck, clock: HeldClock) -> None:
    """At its beginning, in UTC, and at first at once."""
    assert paths(app, app.jobs.send_due()) == ["/report", "/glance"]
    assert app.jobs.send_due() == []
    assert app.jobs.perform_all() == 2
    clock.advance(HOUR - 1000)
    assert app.jobs.send_due() == []
    clock.advance(1000)
    assert paths(app, app.jobs.send_due()) == ["/glance"]
    assert app.jobs.perform_all() == 1
    clock.advance(11 * HOUR - 1000)  # a millisecond before midnight
    assert paths(app, app.jobs.send_due()) == ["/glance"]
    app.jobs.perform_all()
    clock.advance(1000)
    assert paths(app, app.jobs.send_due()) == ["/report", "/glance"]


def test_one_job_is_sent_after_a_pause(app: Brubeck, clock: HeldClock) -> None:
    """Not one for each period that went by."""
    assert app.jobs.perform_all() == 2
    clock.advance(10 * DAY)
    assert app.jobs.perform_all() == 2
    assert app.jobs.perform_all() == 0
    assert len(Report.done) == 2


def test_a_job_is_not_sent_while_the_last_one_waits(app: Brubeck, clock: HeldClock) -> None:
    """After that one, at once."""
    assert len(app.jobs.send_due()) == 2
    for _ in range(5):
        clock.advance(HOUR)
        assert app.jobs.send_due() == []
    assert app.jobs.perform_all() == 2
    assert paths(app, app.jobs.send_due()) == ["/glance"]


def test_a_lost_job_holds_up_no_period(app: Brubeck, clock: HeldClock) -> None:
    """One that is not heard of for a day and three periods is not waited for."""
    first = app.jobs.send_due()
    app.jobs.queue.done(app.jobs.queue.take("lost", 10, 0))
    clock.advance(DAY)
    assert paths(app, app.jobs.send_due()) == ["/glance"]
    clock.advance(2 * DAY)
    again = app.jobs.send_due()
    assert paths(app, again) == ["/report", "/glance"]
    assert not set(first) & set(again)


def test_a_clock_that_is_set_back_sends_nothing_twice(app: Brubeck, clock: HeldClock) -> None:
    """Not in this process, and not in one that begins then."""
    assert app.jobs.perform_all() == 2
    clock.advance(-DAY)
    app.jobs.__dict__.pop("_schedule")
    assert app.jobs.send_due() == []


def test_a_process_that_dies_while_it_sends(app: Brubeck) -> None:
    """Leaves a job that the next one finds by its key."""
    first = app.jobs.send_due()
    periods = app.store().records(SCHEDULES, RecordSchema({}))
    for record in periods.page(PageQuery(limit=10)).records:
        periods.write([Delete(id=record.id, token=new_id())])
    app.jobs.__dict__.pop("_schedule")
    assert app.jobs.send_due() == first
    assert app.jobs.queue.depth().waiting == 2


@SHARED
def test_one_process_of_all_sends(make_app: MakeApp, clock: HeldClock) -> None:
    """Whichever is first; of those that do it at once, too."""
    apps = [make_app(Reports, clock=clock) for _ in range(4)]
    for period in range(3):
        barrier = Barrier(len(apps))

        def send(app: Brubeck, barrier: Barrier = barrier) -> None:
            barrier.wait()
            app.jobs.send_due()

        threads = [Thread(target=send, args=(each,)) for each in apps]
        for each in threads:
            each.start()
        for each in threads:
            each.join(30)
        assert apps[0].jobs.queue.depth().waiting == 2, period
        assert apps[period].jobs.perform_all() == 2
        clock.advance(DAY)
    assert len(set(Report.done)) == 3


def test_workers_send(make_app: MakeApp) -> None:
    """Without being asked to, and do what they have sent."""
    app = make_app(Reports)
    with working(app):
        wait_until(lambda: Report.done)
        wait_until(lambda: not app.jobs.queue.depth().in_hand)
    assert len(Report.done) == 1


class Own(JobStream):
    """Jobs of somebody."""

    model = OwnedJob


@pytest.mark.parametrize(
    ("pattern", "every", "words"),
    [
        (r"^/report/(\d+)$", "1d", "the pattern of one path"),
        (r"^/report.*", "1d", "the pattern of one path"),
        (r"^/report$", "daily", "must be a time"),
        (r"^/report$", 0, "must be a time"),
        (r"^/report$", True, "must be a time"),
    ],
)
def test_a_declaration_that_cannot_be(pattern: str, every: Any, words: str) -> None:
    """Is refused when the class is made."""
    handler = type("Wrong", (JobHandler,), {"every": every})
    with pytest.raises(ConfigError, match=words):
        type("Stream", (JobStream,), {"handlers": [(pattern, handler)]})
    with pytest.raises(ConfigError, match="nobody owns"):
        type("Stream", (Own,), {"handlers": [(r"^/report$", Report)]})
