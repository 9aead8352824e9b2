"""Jobs that are due later, and jobs that are cancelled, in every kind of queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from brubeck import Brubeck, WebMessageHandler
from brubeck.auth import Caller
from brubeck.http import Problem, Response
from brubeck.jobs import JobStream, OwnedJob
from brubeck.jobs.queue import Depth
from brubeck.storage import Outcome, RecordStream, Write
from brubeck.testing import Client
from brubeck.timekeeping import HeldClock, millis_to_rfc3339
from tests.jobs.conftest import MakeApp, working
from tests.jobs.program import Jobs, state_of
from tests.servers import free_port, wait_until

NOW = 1_800_000_000_000
MINUTE = 60_000


def states(app: Brubeck, *jobs: str) -> list[str]:
    """Return the states of some jobs."""
    return [state_of(app, job)["state"] for job in jobs]


# Delays.


def test_a_delayed_job_is_done_when_it_is_due(make_app: MakeApp) -> None:
    """Not before; by the clock of the queue."""
    app = make_app()
    now = app.clock.micros() // 1000
    soon = app.jobs.send("/add", {"numbers": [1]}, delay=0.2)
    far = app.jobs.send("/add", {"numbers": [2]}, delay="5m")
    assert app.jobs.queue.depth() == Depth(waiting=0, in_hand=0, later=2, dead=0)
    assert state_of(app, soon.id)["due_at"] >= now + 200
    with working(app):
        wait_until(lambda: states(app, soon.id) == ["done"])
    assert states(app, far.id) == ["queued"]
    assert app.jobs.queue.depth() == Depth(waiting=0, in_hand=0, later=1, dead=0)


def test_a_held_clock_makes_a_job_due() -> None:
    """To the millisecond, in a test that waits for nothing."""
    clock = HeldClock(NOW * 1000)
    app = Brubeck(streams=[Jobs], clock=clock)
    job = app.jobs.send("/add", {"numbers": [1]}, delay=60)
    assert state_of(app, job.id)["due_at"] == NOW + MINUTE
    clock.advance(MINUTE * 1000 - 1000)
    assert app.jobs.perform_all() == 0
    clock.advance(1000)
    assert app.jobs.perform_all() == 1
    assert states(app, job.id) == ["done"]
    app.close()


@pytest.mark.parametrize(
    "at",
    [
        NOW + MINUTE,
        millis_to_rfc3339(NOW + MINUTE),
        datetime.fromtimestamp(NOW / 1000 + 60, UTC),
        timedelta(minutes=1),
        "1m",
        60,
        60.0,
    ],
)
def test_a_time_may_be_written_in_many_ways(at: Any) -> None:
    """A duration, or a moment."""
    app = Brubeck(streams=[Jobs], clock=HeldClock(NOW * 1000))
    is_delay = at in ("1m", 60) or isinstance(at, timedelta)
    given = {"delay": at} if is_delay else {"at": at}
    job = app.jobs.send("/add", {"numbers": []}, **given)
    assert state_of(app, job.id)["due_at"] == NOW + MINUTE
    app.close()


@pytest.mark.parametrize("given", [{"at": NOW - 1}, {"at": "1970-01-01"}, {"delay": 0}])
def test_a_moment_that_has_passed_is_now(given: dict[str, Any]) -> None:
    """The job waits as any other."""
    app = Brubeck(streams=[Jobs], clock=HeldClock(NOW * 1000))
    job = app.jobs.send("/add", {"numbers": []}, **given)
    assert "due_at" not in state_of(app, job.id) or state_of(app, job.id)["due_at"] is None
    assert app.jobs.perform_all() == 1
    app.close()


NO_DELAYS: list[Any] = [-1, "soon", "", True, float("nan"), 1e12, [], timedelta(seconds=-1)]
NO_MOMENTS: list[Any] = ["tomorrow", "", True, 1.5, 10**18, "9999-12-31", []]


@pytest.mark.parametrize(
    "given", [*({"delay": each} for each in NO_DELAYS), *({"at": each} for each in NO_MOMENTS)]
)
def test_what_is_no_time_is_refused(make_app: MakeApp, given: dict[str, Any]) -> None:
    """As a 422, and nothing is queued."""
    app = make_app()
    with pytest.raises(ValueError, match=r"job") as caught:
        app.jobs.send("/add", **given)
    assert isinstance(caught.value, Problem)
    assert caught.value.status == 422
    assert app.jobs.queue.depth() == Depth(waiting=0, in_hand=0, later=0, dead=0)


def test_a_job_has_one_time(make_app: MakeApp) -> None:
    """A delay or a moment."""
    with pytest.raises(TypeError, match="not both"):
        make_app().jobs.send("/add", delay=1, at=NOW)


def test_a_key_of_a_delayed_job(make_app: MakeApp) -> None:
    """Stands for it, with whatever delay it comes again."""
    app = make_app()
    one = app.jobs.send("/add", {"numbers": []}, key="k", delay="2d")
    delays: tuple[str | None, ...] = ("2d", "1h", None)
    for delay in delays:
        assert app.jobs.send("/add", {"numbers": []}, key="k", delay=delay).id == one.id
    assert app.jobs.queue.depth().later == 1
    assert app.jobs.queue.depth().waiting == 0


# Cancelling.


def test_a_job_that_waits_is_cancelled(make_app: MakeApp) -> None:
    """And one that is due later; workers do the others."""
    app = make_app()
    waiting = app.jobs.send("/add", {"numbers": [1]})
    later = app.jobs.send("/add", {"numbers": [2]}, delay="5m")
    other = app.jobs.send("/add", {"numbers": [3]})
    for job in (waiting, later, waiting):
        response = app.jobs.cancel(job.id)
        assert (response.status, b'"cancelled"' in response.body) == (200, True)
    assert app.jobs.queue.depth().later == 0
    with working(app):
        ended_ = ended_states(app, other.id)
        wait_until(lambda: not app.jobs.queue.depth().in_hand)
    assert ended_ == ["done"]
    assert states(app, waiting.id, later.id) == ["cancelled", "cancelled"]
    assert state_of(app, waiting.id)["attempt"] == 0
    assert app.jobs.queue.depth() == Depth(waiting=0, in_hand=0, later=0, dead=0)


def ended_states(app: Brubeck, *jobs: str) -> list[str]:
    """Wait until some jobs are over, and return their states."""
    over = ("done", "failed", "cancelled")
    wait_until(lambda: all(each in over for each in states(app, *jobs)))
    return states(app, *jobs)


def test_a_job_that_is_to_be_tried_again_is_cancelled() -> None:
    """Between two attempts."""
    clock = HeldClock(NOW * 1000)
    app = Brubeck(streams=[Jobs], clock=clock)
    job = app.jobs.send("/fail", {"how": "error"})
    assert app.jobs.perform_all() == 1
    assert states(app, job.id) == ["waiting"]
    assert app.jobs.cancel(job.id).status == 200
    clock.advance(10**9)
    assert app.jobs.perform_all() == 0
    assert states(app, job.id) == ["cancelled"]
    app.close()


def test_a_job_in_hand_is_not_cancelled(make_app: MakeApp, tmp_path: Path) -> None:
    """Nor one that is over: who asks is told so."""
    app = make_app()
    told = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    job, failed = app.jobs.send("/wait", told), app.jobs.send("/fail", {"how": "give up"})
    with working(app):
        wait_until((tmp_path / "begun").exists)
        with pytest.raises(Problem, match="in hand") as caught:
            app.jobs.cancel(job.id)
        assert caught.value.status == 409
        (tmp_path / "go").touch()
        assert ended_states(app, job.id, failed.id) == ["done", "failed"]
    for over, words in ((job, "is done"), (failed, "has failed")):
        with pytest.raises(Problem, match=words) as caught:
            app.jobs.cancel(over.id)
        assert caught.value.status == 409


def test_a_job_that_was_just_given_out_is_dropped(make_app: MakeApp) -> None:
    """By its worker, which has not begun it: one of the two writes comes first."""
    app = make_app()
    job = app.jobs.send("/add", {"numbers": []})
    deliveries = app.jobs.queue.take("one", 1, 1.0)
    app.jobs.cancel(job.id)
    assert app.jobs._performer.taken(deliveries) == deliveries
    assert app.jobs.queue.depth().in_hand == 1
    deliveries[0].context = None  # as where several jobs could not be begun together
    app.jobs.perform(deliveries[0])
    assert states(app, job.id) == ["cancelled"]


class Overtaken:
    """A stream in which something is done just before the next write."""

    def __init__(self, records: RecordStream) -> None:
        self._records = records
        self.before: Callable[[], object] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do what is to be done before, and write."""
        before, self.before = self.before, None
        if before is not None:
            before()
        return self._records.write(writes)


def test_a_job_that_is_cancelled_while_it_is_begun(make_app: MakeApp) -> None:
    """Between the look of its worker and its write: the worker's write is refused."""
    app = make_app()
    overtaken: list[Overtaken] = []

    def wrap(records: RecordStream) -> Any:
        overtaken.append(Overtaken(records))
        return overtaken[-1]

    app.stream(Jobs).wrap = wrap
    job, other = app.jobs.send("/add", {"numbers": []}), app.jobs.send("/add", {"numbers": []})
    deliveries = app.jobs.queue.take("one", 2, 1.0)
    for each in overtaken:
        each.before = lambda: app.jobs.cancel(job.id)
    assert app.jobs._performer.taken(deliveries) == deliveries[:1]
    assert states(app, job.id, other.id) == ["cancelled", "running"]


def test_a_cancelled_job_stays_cancelled(make_app: MakeApp) -> None:
    """Also when it is sent once more with its key."""
    app = make_app()
    job = app.jobs.send("/add", {"numbers": []}, key="k", delay="1h")
    app.jobs.cancel(job.id)
    again = app.jobs.send("/add", {"numbers": []}, key="k")
    assert again.id == job.id
    assert b'"cancelled"' in again.body


@pytest.mark.parametrize("job", ["nothing", "", "no id!", "x" * 1000])
def test_a_job_that_is_not_there(make_app: MakeApp, job: str) -> None:
    """Is a 404, which is a `LookupError`."""
    with pytest.raises(LookupError) as caught:
        make_app().jobs.cancel(job)
    assert isinstance(caught.value, Problem)
    assert caught.value.status == 404


class Own(JobStream):
    """Jobs of somebody."""

    model = OwnedJob
    path = "/own"
    handlers = Jobs.handlers


class Cancellation(WebMessageHandler):
    """Where the web cancels jobs."""

    def delete(self, job: str) -> Response:
        """Cancel the job of the caller that a header names."""
        owner = Caller(self.message.header("x-name") or "")
        return self.application.jobs.cancel(job, owner=owner)


def test_everybody_cancels_their_own_jobs(make_app: MakeApp) -> None:
    """Over HTTP, by a handler of the program."""
    app = make_app(Own)
    app.add_route_rule(r"^/own/(?P<job>[^/]+)/cancel$", Cancellation)
    job = app.jobs.send("/add", owner=Caller("ann"))
    client = Client(app)
    url = f"{job.location}/cancel"
    assert client.delete(url, headers={"X-Name": "bob"}).status == 404
    reply = client.delete(url, headers={"X-Name": "ann"})
    assert (reply.status, reply.json()["data"]["state"]) == (200, "cancelled")
    assert client.delete("/own/nothing/cancel", headers={"X-Name": "ann"}).status == 404


def test_a_store_that_is_down(make_app: MakeApp) -> None:
    """Is a 503; a queue that is down leaves the job to the worker that is given it."""
    app = make_app()
    job = app.jobs.send("/add", {"numbers": []})
    app.jobs.close()
    app.configure(jobs={"queue": f"redis://127.0.0.1:{free_port()}/0"})
    assert app.jobs.cancel(job.id).status == 200
    down = Brubeck(streams=[Jobs], storage=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(Problem) as caught:
        down.jobs.cancel(job.id)
    assert caught.value.status == 503
    down.close()
