"""The thirteenth attack: data of jobs with which they fail in the text of their own data."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from brubeck import Brubeck
from brubeck.jobs import JobHandler, JobStream
from brubeck.jobs.worker import MAX_REASON_LENGTH, MAX_TRACE_LENGTH
from tests.jobs.conftest import working
from tests.servers import wait_until

LONG = "x" * 900_000


class Speechless(Exception):
    """An exception whose own text fails."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Fails(JobHandler):
    """Raises the data that it is given, while another exception is handled."""

    attempts = 1
    begun: ClassVar[list[str]] = []

    def work(self) -> None:
        """Fail."""
        Fails.begun.append(self.job_id)
        if self.data == "speechless":
            raise Speechless
        try:
            int(self.data)
        except ValueError as reason:
            raise KeyError(self.data) from reason


class Tasks(JobStream):
    """Jobs that fail."""

    handlers = ((r"^/fails$", Fails),)


@pytest.mark.parametrize("data", [LONG, "speechless", "short"])
def test_a_dead_letter_is_hardly_longer_than_its_job(tmp_path: Path, data: str) -> None:
    """It kept the data once more for each exception in its traceback."""
    Fails.begun.clear()
    app = Brubeck(streams=[Tasks], storage=f"sqlite:///{tmp_path}/jobs.db")
    app.jobs.send("/fails", data)
    with working(app):
        wait_until(lambda: list(app.jobs.queue.dead()))
    (letter,) = app.jobs.queue.dead()
    assert len(letter.traceback) <= MAX_TRACE_LENGTH
    assert len(letter.reason) <= MAX_REASON_LENGTH
    assert "Error" in letter.reason or "Speechless" in letter.reason
    assert "in work" in letter.traceback or data == LONG
    assert len(Fails.begun) == 1
