"""`JobLookup`: the streams of jobs of an application, and the handlers and records of its jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from brubeck import green
from brubeck.connections.messages import check_path
from brubeck.errors import ProtocolError, did_you_mean
from brubeck.handlers.program import Program
from brubeck.jobs.documents import Job, OwnedJob
from brubeck.jobs.queue import QueuedJob
from brubeck.jobs.records import JobRecord
from brubeck.jobs.stream import JobStream
from brubeck.jobs.worker import JobsConnection
from brubeck.routing import Match
from brubeck.storage import Unavailable
from brubeck.streams import StreamHandler

T = TypeVar("T")

_PAUSE: Final = 0.25


class JobProgram(Program, Protocol):
    """The application of jobs; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]


class JobLookup:
    """The streams of an application's jobs; ``worker`` is the one that does them here, if any."""

    def __init__(self, application: JobProgram) -> None:
        self.app = application
        self.worker: JobsConnection | None = None

    @property
    def streams(self) -> list[type[JobStream]]:
        """The streams of jobs that the application serves."""
        return [each for each in self.app.streams if issubclass(each, JobStream)]

    def found(self, path: str) -> tuple[type[JobStream], Match]:
        """Return the stream and the match of a job's path; `LookupError` without a handler."""
        try:
            check_path(path)
        except ProtocolError as reason:
            raise LookupError(str(reason)) from None
        for stream in self.streams:
            match = stream.router.match(path)
            if match is not None:
                return stream, match
        known = [route.pattern for each in self.streams for route in each.router.routes]
        raise LookupError(f"Nobody does jobs at {path}.{did_you_mean(path, known)}")

    def record(self, stream: type[JobStream], job: QueuedJob, due: int | None = None) -> JobRecord:
        """Return the record of a job, not read yet; one that is new is due at a time (ms)."""

        def made() -> Job:
            document = stream.model(id=job.id, path=job.path, due_at=due)
            if isinstance(document, OwnedJob) and job.owner is not None:
                document.owner_id, document.owner_username = job.owner[0], job.owner[1] or None
            return document

        return JobRecord(self.app.stream(stream).records(), made, self.app.clock, self.patiently)

    def patiently(self, action: Callable[[], T], *, hasty: bool = False) -> T:
        """Retry an action while the store is unavailable; if hasty, not once the worker stops."""
        while True:
            try:
                return action()
            except Unavailable:
                worker = self.worker
                if worker is None or worker.must_end or (hasty and worker.is_stopping):
                    raise
                green.sleep(_PAUSE)
