"""`Jobs`: the jobs of a program, to send, cancel and do."""

from __future__ import annotations

import logging
from contextlib import suppress
from enum import Enum
from functools import cached_property
from typing import Any, Final, TypeVar

import msgspec

from brubeck import green
from brubeck.auth import Caller
from brubeck.documents.repository import Repository
from brubeck.errors import ConfigError
from brubeck.http import Headers, Problem, Response
from brubeck.jobs.documents import CANCELLED, DONE, FAILED, RUNNING, OwnedJob
from brubeck.jobs.job_data import Duration, Moment, UnsendableData, delay_of, due_at, encoded
from brubeck.jobs.lookup import JobLookup, JobProgram
from brubeck.jobs.opening import has_queue, holds_queue, is_shared, open_queue, queue_of
from brubeck.jobs.performing import Performer
from brubeck.jobs.queue import (
    KEEP_KEYS,
    Delivery,
    JobQueue,
    KeyTaken,
    QueuedJob,
    QueueUnavailable,
)
from brubeck.jobs.records import JobRecord
from brubeck.jobs.schedule import SCHEDULES, Schedule
from brubeck.jobs.stream import JobStream
from brubeck.jobs.worker import JobsConnection, Outcome
from brubeck.storage import Record, RecordSchema, RecordStream, Unavailable
from brubeck.storage.ids import new_id

log = logging.getLogger("brubeck.jobs")

T = TypeVar("T")

_PAUSE: Final = 0.25
_JSON: Final = "application/json"
_NOT_CANCELLED: Final = {
    RUNNING: "The job is in hand and cannot be cancelled.",
    DONE: "The job is done.",
    FAILED: "The job has failed.",
}


class Sent(Response):
    """The answer to a sent job: 202, its URL (``Location``), and its state.

    A web handler returns it as it is; a program takes the ``id`` and leaves the rest.
    """

    __slots__ = ("id", "location")

    def __init__(self, stream: type[JobStream], record: JobRecord, item_id: str) -> None:
        self.id = item_id
        self.location = f"{stream.path}/{item_id}"
        follow = f"{stream.path}/changes?id={item_id}"
        if record.position is not None:
            follow += f"&after={record.position - 1}"
        headers = {"Content-Type": _JSON, "Location": self.location}
        headers |= {"Link": f'<{follow}>; rel="changes"', "Cache-Control": "no-cache"}
        super().__init__(b'{"data":%b}' % record.body, 202, headers=Headers(headers))


class Owner(Enum):
    """The owners of jobs that are no callers."""

    ANYBODY = "anybody"


ANYBODY: Final = Owner.ANYBODY
"""The owner of any job, and of those that nobody owns."""


class UnknownJob(Problem, LookupError):
    """There is no job with that id, or it is another's: a 404."""


class Jobs:
    """The jobs of an application: `send` them from anywhere; workers have them done."""

    def __init__(self, application: JobProgram) -> None:
        self._app = application
        self._lookup = JobLookup(application)
        self._performer = Performer(self._lookup)
        self._queue: JobQueue | None = None
        self._opening = green.Lock()

    # Sending.

    def send(
        self,
        path: str,
        data: Any = None,
        *,
        key: str | None = None,
        owner: Caller | None = None,
        delay: Duration | None = None,
        at: Moment | None = None,
    ) -> Sent:
        """Send a job to the handler of a path, with some data that JSON can encode.

        A ``key`` names the work: sent again within a day, it is the same job. ``owner`` is the
        caller that owns the job, in a stream of `OwnedJob`. The job is due after a ``delay``
        (``'5m'``, or seconds), or ``at`` a time (RFC 3339, or ms since the epoch). Once this
        returns, the job will be done.

        Raises a `Problem` (503) when the queue or the store cannot be reached, `LookupError` for a
        path without a handler, `TypeError` for data that JSON cannot encode, and a `Problem` that
        is a `ValueError` for data that are too large (413) or nested too deeply, for a time that
        is none, or with a key that stands for other data (422).
        """
        named = "" if key is None else _key(path, None if owner is None else owner.id, key)
        return self._send(path, data, named, owner, self._delay(delay, at))

    def _delay(self, delay: Duration | None, at: Moment | None) -> float:
        return delay_of(delay, at, self._app.clock.micros() // 1000)

    def _send(
        self,
        path: str,
        data: Any,
        key: str,
        owner: Caller | None = None,
        delay: float = 0.0,
        keep: float = KEEP_KEYS,
    ) -> Sent:
        stream, _ = self._lookup.found(path)
        owned = issubclass(stream.model, OwnedJob)
        if owned and owner is None:
            raise TypeError(f"a job of {stream.__name__} belongs to somebody: give its owner")
        job = QueuedJob(path=path, id=new_id(), data=encoded(data))
        if owner is not None:
            job.owner = owner.id, owner.username
        due = due_at(delay, self._app.clock.micros() // 1000)
        self._lookup.record(stream, job, due).check()
        try:
            sent = self.queue.send(job, key, delay=delay, keep=keep)
            again, job.id = sent != job.id, sent
            record = self._lookup.record(stream, job, due)
            record.queue(again=again)
        except KeyTaken as reason:
            detail = "The key stands for a job with other data; use another key."
            raise UnsendableData(422, detail) from reason
        except (QueueUnavailable, Unavailable) as reason:
            raise _unavailable() from reason
        return Sent(stream, record, job.id)

    def cancel(self, job_id: str, *, owner: Caller | Owner | None = ANYBODY) -> Response:
        """Cancel a job that waits or is due later; return its state, as an answer to a request.

        With an ``owner`` only a job of that caller: None is nobody, who has none. One that was
        cancelled before stays so.

        Raises a `Problem` that is a `LookupError` for an id without a job (404), and a `Problem`
        for a job that is in hand or over (409), or when the store cannot be reached (503).
        """
        try:
            record, owner_id = self._job(job_id)
            if owner is not ANYBODY and (owner is None or owner_id != owner.id):
                raise UnknownJob(404, "There is no such job.")
            if not record.cancel() and record.state != CANCELLED:
                raise Problem(409, _NOT_CANCELLED.get(record.state, _NOT_CANCELLED[RUNNING]))
        except Unavailable as reason:
            raise _unavailable() from reason
        with suppress(QueueUnavailable):  # the worker that is given the job drops it
            self.queue.remove(job_id)
        return Response(b'{"data":%b}' % record.body, headers=Headers({"Content-Type": _JSON}))

    def _job(self, job_id: str) -> tuple[JobRecord, str | None]:
        """Return the record of a job and the id of its owner; `UnknownJob` where there is none."""
        for stream in self.streams:
            records = self._app.stream(stream).records()
            found = Repository(records).find(job_id)
            if isinstance(found, Record):
                document = stream.model.decode_stored(found.body)
                job = QueuedJob(path=str(document.path), id=job_id)
                owner = document.owner_id if isinstance(document, OwnedJob) else None
                return self._lookup.record(stream, job), owner
        raise UnknownJob(404, "There is no such job.")

    @property
    def queue(self) -> JobQueue:
        """The queue, at ``jobs.queue`` or in the default store, opened at its first use."""
        with self._opening:
            if self._queue is None:
                self._queue = self._open_queue()
            return self._queue

    def _open_queue(self) -> JobQueue:
        name, clock = self._app.settings.jobs.name, self._app.clock
        at = self._app.settings.jobs.queue
        found = None if at else queue_of(self._app.store(), name, clock)
        return found or open_queue(self.check_queue(), name, clock=clock)

    def check_queue(self) -> str:
        """Return the URL of the queue; `ConfigError` where the program has none."""
        settings = self._app.settings
        if settings.jobs.queue:
            return str(settings.jobs.queue)
        url: str = settings.storage["default"]
        is_url = "default" in settings.stores_given  # or the program has opened the store itself
        if not (has_queue(url) if is_url else holds_queue(self._app.store())):
            raise ConfigError(
                "A JobStream needs a queue of jobs, which the default store cannot be: set "
                'jobs.queue = "sqlite:///jobs.db" or "redis://…".'
            )
        return url

    def close(self) -> None:
        """Close the queue; it is opened again at its next use."""
        with self._opening:
            if self._queue is not None:
                self._queue.close()
            self._queue = None

    # Working.

    @property
    def streams(self) -> list[type[JobStream]]:
        """The streams of jobs that the application serves."""
        return self._lookup.streams

    def connection(self, *, apart: bool = True) -> JobsConnection:
        """Return a worker, which is to `serve` with `perform`; `ConfigError` without any jobs.

        One in a process ``apart`` from the senders' needs a queue and stores that processes share.
        """
        if not self.streams:
            raise ConfigError("The program has no jobs: streams=[…] has no JobStream in it.")
        if apart:
            self._check_stores()
            self.check_shared()
        settings = self._app.settings
        self._lookup.worker = JobsConnection(
            self.queue,
            concurrency=settings.jobs.concurrency,
            attempts=settings.jobs.attempts,
            backoff=settings.jobs.backoff,
            lease=settings.jobs.lease,
            grace=settings.server.grace,
            watch=self._performer,
            send_due=self.send_due if self._schedule else None,
        )
        return self._lookup.worker

    def _check_stores(self) -> None:
        """Raise `ConfigError` for a stream whose jobs no other process sees."""
        for stream in self.streams:
            if not self._app.store(stream.storage).shared:
                raise ConfigError(
                    f"{stream.path} is kept in the memory of one process, and workers are "
                    "processes of their own: give it a store that processes share."
                )

    @property
    def is_shared(self) -> bool:
        """Whether several processes see the same jobs; opens no queue."""
        settings = self._app.settings
        is_url = "default" in settings.stores_given
        url = settings.jobs.queue or (settings.storage["default"] if is_url else "")
        return is_shared(url) if url else self._app.store().shared

    def check_shared(self) -> None:
        """Raise `ConfigError` for a queue that no other process sees; opens none."""
        if not self.is_shared:
            raise ConfigError(
                "The jobs wait in the memory of one process, which does them itself "
                '(`brubeck run`): for workers set jobs.queue = "sqlite:///jobs.db" or "redis://…".'
            )

    @cached_property
    def _schedule(self) -> Schedule:
        def kept(stream: type[JobStream]) -> tuple[RecordStream, RecordStream]:
            store = self._app.store(stream.storage)
            return self._app.stream(stream).records(), store.records(SCHEDULES, RecordSchema({}))

        def send(path: str, period: str, keep: float) -> str:
            return self._send(path, None, _key(path, None, period, "every"), keep=keep).id

        return Schedule(self.streams, kept, send, self._app.clock)

    def send_due(self) -> list[str]:
        """Send the jobs of handlers with ``every`` whose period has begun; return their ids.

        Workers call it. Of several processes one sends each job.
        """
        return self._schedule.send_due()

    def perform_all(self) -> int:
        """Do the jobs that are due, in this thread, and return their number; for tests.

        Those of handlers with ``every`` are sent first. A job that fails waits for its next
        attempt, as one that is delayed: move the clock on and call this again.
        """
        self.send_due()
        return self.connection(apart=False).perform_waiting(self.perform)

    def perform(self, delivery: Delivery) -> Outcome:
        """Have a job done by its handler, and store its result; return its outcome."""
        return self._performer.perform(delivery)


def _key(path: str, owner: str | None, key: str, *kind: str) -> str:
    return msgspec.json.encode([path, owner, key, *kind]).decode()


def _unavailable() -> Problem:
    return Problem(503, "The job queue is unavailable; retry later.", headers={"Retry-After": "5"})
