"""`JobHandler`: the handler of one job, made for it and discarded after it."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from brubeck import green
from brubeck.callables import check_value
from brubeck.handlers import MessageHandler
from brubeck.http import Problem, Response
from brubeck.jobs.errors import GiveUp, JobLost, plain
from brubeck.jobs.records import JobRecord


class JobHandler(MessageHandler):
    """Does a job in `work`, which returns the result.

    A job that raises is tried again, each time after twice as long, ``attempts`` times in all; then
    it is a dead letter. `GiveUp`, or a `Problem` below 500, makes it one at once. A job may be done
    more than once, where a worker died: what it does has to bear that.
    """

    attempts: ClassVar[int | None] = None
    """The number of attempts; None is the setting ``jobs.attempts``."""
    backoff: ClassVar[float | None] = None
    """Seconds between the first two attempts; None is the setting ``jobs.backoff``."""

    every: ClassVar[str | float | None] = None
    """How often the job is sent by itself, such as ``'1d'``, without data; None is never.

    Workers send it, one of them for all, at the beginning of each period (UTC). It is not sent
    while the previous one is not over, and once after a pause of several periods.
    """

    result: Any = None
    record: JobRecord | None = None

    def work(self, *args: Any, **kwargs: Any) -> Any:
        """Do the job and return its result, a value that JSON can say; to be overridden.

        The arguments are what the path's pattern captured.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method: work(self)")

    @cached_property
    def data(self) -> Any:
        """The data that were sent with the job."""
        return self.message.json()

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.message.id

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1."""
        return 1 if self.record is None else self.record.attempt

    def progress(self, part: float, note: str = "") -> None:
        """Write the progress of the job for its readers: the part done, from 0 to 1, and a note.

        It is a write each time: a fast job writes it now and then. Raises `JobLost` where another
        worker has the job by now, so that this one stops.
        """
        if self.record is not None:
            self.record.report(part, note)
        green.sleep(0)  # a job that computes shares a process with others, perhaps with a server

    def _answer(self) -> Response:
        if (answer := self._prepared()) is not None:
            return answer
        arguments = self._url_args
        work = self.work
        result = work(**arguments) if isinstance(arguments, dict) else work(*arguments)
        self.result = check_value(result, f"{type(self).__name__}.work")
        self.set_status(self._SUCCESS_CODE)
        self.add_to_payload("result", self.result)
        return self.render()

    def error(self, err: BaseException) -> Response:
        """Return the response to an exception of `work`; one below 500 ends the job's retries."""
        if isinstance(err, JobLost):
            return self.render_error(self._SERVER_ERROR, str(err))
        if isinstance(err, GiveUp) or (isinstance(err, Problem) and err.status < 500):
            self.message.failure = err
            return self.render_error(self._DEFAULT_STATUS, plain(str(err)))
        if isinstance(err, Problem):
            self.message.failure = err
            return self.render_error(self._SERVER_ERROR, plain(str(err)))
        return super().error(err)
