"""Jobs in trouble: what fails oddly, what cannot be written down, and what is suddenly gone."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import pytest

from brubeck.auth import Caller
from brubeck.http import Problem
from brubeck.jobs import JobHandler, JobStream, OwnedJob
from brubeck.jobs.opening import open_queue
from brubeck.jobs.worker import Done, JobsConnection
from brubeck.storage import Delete, Outcome, RecordStream, Tombstone, Unavailable, Write
from brubeck.storage.ids import new_id
from tests.jobs.conftest import MakeApp, working
from tests.jobs.program import Jobs
from tests.jobs.troubled import Around, Strange, Troubled, ended
from tests.servers import free_port


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget what other tests began."""
    Strange.begun.clear()
    Around.begun.clear()


# Failing.


def test_a_job_that_exits_takes_no_thread_with_it(make_app: MakeApp) -> None:
    """It has failed, as one that raises anything else."""
    app = make_app(Troubled, concurrency=1)
    sent = [app.jobs.send("/exit") for _ in range(3)]
    with working(app):
        failed = [ended(app, each.id) for each in sent]
    assert {each["state"] for each in failed} == {"failed"}
    assert {each["attempt"] for each in failed} == {1}
    assert {each.reason for each in app.jobs.queue.dead()} == {"SystemExit: a secret of ours"}


@pytest.mark.parametrize("path", ["/exit", "/broken"])
def test_who_waits_is_told_no_secret(make_app: MakeApp, path: str) -> None:
    """However early or oddly a handler fails."""
    app = make_app(Troubled)
    sent = app.jobs.send(path)
    with working(app):
        failed = ended(app, sent.id)
    assert failed["state"] == "failed"
    assert "secret" not in str(failed)
    assert sent.id in failed["error"]


@pytest.mark.parametrize("how", ["large", "nul", "part", "name"])
def test_what_cannot_be_written_down_fails_as_anything_else(
    make_app: MakeApp, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """After its attempts, and with its own reason."""
    caplog.set_level(logging.CRITICAL)  # pytest cannot carry what is no text
    app = make_app(Troubled)
    sent = app.jobs.send("/strange", how)
    with working(app):
        failed = ended(app, sent.id)
    assert (failed["state"], failed["attempt"], len(Strange.begun)) == ("failed", 2, 2)
    (letter,) = app.jobs.queue.dead()
    assert "Error" in letter.reason
    assert letter.traceback


def test_a_text_that_is_none(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    """The name of a file may be none; it is shown as well as that goes."""
    caplog.set_level(logging.CRITICAL)
    app = make_app(Troubled)
    sent, noted = app.jobs.send("/strange", "give up"), app.jobs.send("/strange", "note")
    with working(app):
        failed = ended(app, sent.id)
        assert ended(app, noted.id)["state"] == "done"
    assert Strange.begun.count(noted.id) == 1
    assert (failed["state"], failed["attempt"]) == ("failed", 1)
    assert failed["error"] == "no such file \\udcff \\0"


# Sending.


class Own(JobStream):
    """Jobs of somebody."""

    model = OwnedJob
    path = "/own"
    handlers = Jobs.handlers


def test_what_no_item_can_be_is_not_sent(make_app: MakeApp) -> None:
    """A path or an owner that is too long, data that are nested too deeply or are no JSON."""
    app = make_app(Troubled)
    with pytest.raises(ValueError, match="too long"):
        app.jobs.send("/name/" + "x" * 1000)
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        app.jobs.send("/strange", deep)
    with pytest.raises(ValueError, match="nested"):
        app.jobs.send("/strange", [deep, deep])
    data: Any
    for data, status in ((deep, 422), ("x" * (1 << 20), 413)):
        with pytest.raises(Problem) as caught:
            app.jobs.send("/strange", data)
        assert caught.value.status == status
    for number in (math.nan, math.inf, -math.inf):
        for data, pointer in ((number, ""), ({"a": [None, number]}, "/a/1"), ((number,), "/0")):
            with pytest.raises(Problem, match="not finite") as caught:
                app.jobs.send("/strange", data)
            assert [each for each, _ in caught.value.errors] == [pointer]
    for data in ("\ud800", {"\ud800": 1}, [None, "\ud800"]):
        with pytest.raises(ValueError, match="surrogate") as refused:
            app.jobs.send("/strange", data)
        assert isinstance(refused.value, Problem)
    other = make_app(Own)
    with pytest.raises(ValueError, match="too long"):
        other.jobs.send("/add", owner=Caller("x" * 200))
    assert app.jobs.queue.depth().waiting == 0


# In the store.


class Forgetful:
    """A stream whose answer to one write is lost on its way, after it was done."""

    def __init__(self, queryset: RecordStream) -> None:
        self._queryset = queryset
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queryset, name)

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write, and lose the answer once."""
        outcomes = self._queryset.write(writes)
        if not self.lost:
            self.lost = True
            raise Unavailable("The answer was lost.")
        return outcomes


def test_an_answer_that_was_lost_costs_no_attempt(make_app: MakeApp) -> None:
    """What was written is asked for again, and was this worker's."""
    app = make_app(Troubled)

    def meddle(handler: JobHandler) -> None:
        record: Any = handler.record
        record._queryset = Forgetful(record._queryset)

    Around.meddle = staticmethod(meddle)
    sent = app.jobs.send("/around")
    with working(app):
        done = ended(app, sent.id)
    assert (done["state"], done["attempt"], Around.begun) == ("done", 1, [sent.id])


def test_a_job_that_outlasts_its_item(make_app: MakeApp) -> None:
    """Is done, and written down as such: a stream may retain less than it takes."""
    app = make_app(Troubled)

    def meddle(handler: JobHandler) -> None:
        app.stream(Troubled).records().write([Delete(id=handler.job_id, token=new_id())])

    Around.meddle = staticmethod(meddle)
    sent = app.jobs.send("/around")
    with working(app):
        done = ended(app, sent.id)
    assert (done["state"], done["result"], Around.begun) == ("done", "done", [sent.id])


def test_a_key_whose_job_left_the_stream(make_app: MakeApp) -> None:
    """It is not said to wait for ever."""
    app = make_app(Troubled)
    sent = app.jobs.send("/add", {"numbers": [1]}, key="k")
    with working(app):
        ended(app, sent.id)
    app.stream(Troubled).records().write([Delete(id=sent.id, token=new_id())])
    again = app.jobs.send("/add", {"numbers": [1]}, key="k")
    assert again.id == sent.id
    assert isinstance(app.stream(Troubled).records().get([again.id])[0], Tombstone)


def test_keys_run_into_nothing(make_app: MakeApp) -> None:
    """Nobody has the key of another by a name that ends as that begins."""
    app = make_app(Own)
    one = app.jobs.send("/add", key="b\nc", owner=Caller("a"))
    other = app.jobs.send("/add", key="c", owner=Caller("a\nb"))
    assert one.id != other.id


def test_who_is_in_a_hurry_asks_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that was told twice to stop does not wait for a queue that may stand still."""
    queue = open_queue(f"redis://127.0.0.1:{free_port()}/0")
    worker = JobsConnection(queue, concurrency=1)
    worker.stop()
    worker.stop()
    worker.serve(lambda _delivery: Done())
    assert not caplog.records
