"""`Jobs`: sending jobs from a program, and their states in the store while workers do them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, Final, Protocol, TypeVar, cast

import msgspec

from brubeck import green
from brubeck.auth import Caller
from brubeck.connections.messages import MAX_BYTES, check_path
from brubeck.errors import ConfigError, ProtocolError, did_you_mean
from brubeck.handlers import MessageHandler
from brubeck.handlers.program import Program
from brubeck.http import Headers, Problem, Request, Response
from brubeck.jobs.documents import Job, OwnedJob
from brubeck.jobs.errors import JobLost
from brubeck.jobs.handler import JobHandler
from brubeck.jobs.queue import SCHEMES, Delivery, JobQueue, KeyTaken, QueuedJob, QueueUnavailable
from brubeck.jobs.records import JobRecord
from brubeck.jobs.stream import JobStream
from brubeck.jobs.worker import JobsConnection, Outcome, outcome_of
from brubeck.routing import Match
from brubeck.storage import Put, Unavailable
from brubeck.storage.ids import new_id
from brubeck.streams import StreamHandler
from brubeck.streams.local_documents import numbers_lost

log = logging.getLogger("brubeck.jobs")

T = TypeVar("T")

_PAUSE: Final = 0.25
_HEADROOM: Final = 200
_JSON: Final = "application/json"


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


class UnsendableData(Problem, ValueError):
    """The data of a job that no worker could take: a 413 or 422 for their sender."""


class JobProgram(Program, Protocol):
    """The application of jobs; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]


class Jobs:
    """The jobs of an application: `send` them from anywhere; workers have them done."""

    def __init__(self, application: JobProgram) -> None:
        self._app = application
        self._connection: JobsConnection | None = None

    # Sending.

    def send(
        self, path: str, data: Any = None, *, key: str | None = None, owner: Caller | None = None
    ) -> Sent:
        """Send a job to the handler of a path, with some data that JSON can encode.

        A ``key`` names the work: sent again within a day, it is the same job. ``owner`` is the
        caller that owns the job, in a stream of `OwnedJob`. Once this returns, the job will be
        done.

        Raises a `Problem` (503) when the queue or the store cannot be reached, `LookupError` for a
        path without a handler, `TypeError` for data that JSON cannot encode, and a `Problem` that
        is a `ValueError` for data that are too large (413) or nested too deeply, or with a key
        that stands for other data (422).
        """
        stream, _ = self._found(path)
        owned = issubclass(stream.model, OwnedJob)
        if owned and owner is None:
            raise TypeError(f"a job of {stream.__name__} belongs to somebody: give its owner")
        job = QueuedJob(path=path, id=new_id(), data=_written(data))
        if owner is not None:
            job.owner = owner.id, owner.username
        self._record(stream, job).check()
        known = "" if key is None else msgspec.json.encode([path, owner and owner.id, key]).decode()
        try:
            sent = self.queue.send(job, known)
            again, job.id = sent != job.id, sent
            record = self._record(stream, job)
            record.queue(again=again)
        except KeyTaken as reason:
            detail = "The key stands for a job with other data; use another key."
            raise UnsendableData(422, detail) from reason
        except (QueueUnavailable, Unavailable) as reason:
            detail = "The job queue is unavailable; retry later."
            raise Problem(503, detail, headers={"Retry-After": "5"}) from reason
        return Sent(stream, record, job.id)

    @cached_property
    def queue(self) -> JobQueue:
        """The queue, at ``jobs.queue``, or in the default store if that is a Redis."""
        return JobQueue(self.check_queue(), self._app.settings.jobs.name)

    def check_queue(self) -> str:
        """Return the URL of the queue; `ConfigError` where the program has none."""
        settings = self._app.settings
        url: str = settings.jobs.queue or settings.storage["default"]
        if not settings.jobs.queue and url.partition("://")[0] not in SCHEMES:
            raise ConfigError('A JobStream needs a queue of jobs: set jobs.queue = "redis://…".')
        return url

    def close(self) -> None:
        """Close the queue; it is opened again at its next use."""
        if "queue" in self.__dict__:
            self.__dict__.pop("queue").close()

    # Working.

    @property
    def streams(self) -> list[type[JobStream]]:
        """The streams of jobs that the application serves."""
        return [each for each in self._app.streams if issubclass(each, JobStream)]

    def connection(self) -> JobsConnection:
        """Return a worker, which is to `serve` with `perform`; `ConfigError` without any jobs."""
        if not self.streams:
            raise ConfigError("The program has no jobs: streams=[…] has no JobStream in it.")
        for stream in self.streams:
            if not self._app.store(stream.storage).shared:
                raise ConfigError(
                    f"{stream.path} is kept in the memory of one process, and workers are "
                    "processes of their own: give it a store that processes share."
                )
        settings = self._app.settings
        self._connection = JobsConnection(
            self.queue,
            concurrency=settings.jobs.concurrency,
            attempts=settings.jobs.attempts,
            backoff=settings.jobs.backoff,
            lease=settings.jobs.lease,
            grace=settings.server.grace,
            watch=self,
        )
        return self._connection

    def perform(self, delivery: Delivery) -> Outcome:
        """Have a job done by its handler, and store its result; return its outcome."""
        job = cast("QueuedJob", delivery.job)
        request = job.request(delivery)
        return outcome_of(request, self._respond(request, job, delivery))

    def _respond(self, request: Request, job: QueuedJob, delivery: Delivery) -> Response:
        try:
            stream, match = self._found(job.path)
        except LookupError as reason:
            # Perhaps an older program than the one that sent it: a newer one may know.
            return Response(str(reason), 500)
        record = cast("JobRecord | None", delivery.context)
        if record is None:  # it could not be started together with others
            record = self._record(stream, job)
            if not self._patiently(partial(record.begin, job.attempt)):
                return Response(b"null")
            delivery.context = record
        # A failure without a text of its own is identified by an id.
        record.shown = f"Server error, job {job.id}"
        made = cast("type[MessageHandler]", match.route.handler)
        if issubclass(made, JobHandler):
            delivery.attempts, delivery.backoff = made.attempts, made.backoff
        handler = made(self._app, request)
        handler._url_args = match.kwargs or match.args  # noqa: SLF001, as for requests
        if isinstance(handler, JobHandler):
            handler.record = record
        response = handler()
        if response.status < 400:
            result = handler.result if isinstance(handler, JobHandler) else _payload(response)
            with suppress(JobLost):
                record.finish(result)
        else:
            record.shown = str(handler.status_msg) or record.shown
        delivery.lost = record.lost
        return response

    # The callbacks of the worker.

    def taken(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Write down that some jobs are being done; return those that have been before."""
        over: list[Delivery] = []
        by_stream: dict[type[JobStream], list[Delivery]] = {}
        for each in deliveries:
            with suppress(LookupError):
                stream, _ = self._found(cast("QueuedJob", each.job).path)
                by_stream.setdefault(stream, []).append(each)
        for stream, some in by_stream.items():
            try:
                over += self._patiently(partial(self._begin, stream, some), hasty=True)
            except Unavailable:
                raise
            except Exception:
                # It may be the fault of one of them. Each is started, and fails, by itself.
                log.exception("%d jobs could not be begun together.", len(some))
                for each in some:
                    each.context = None
        return over

    def _begin(self, stream: type[JobStream], deliveries: list[Delivery]) -> list[Delivery]:
        """Begin jobs of one stream, all of them at once; return those that are done."""
        jobs = [(each, cast("QueuedJob", each.job)) for each in deliveries]
        queryset = self._app.stream(stream).records()
        over = []
        begun: list[tuple[JobRecord, int, Put]] = []
        found = queryset.get([job.id for _, job in jobs])
        for (delivery, job), there in zip(jobs, found, strict=True):
            delivery.context = record = self._record(stream, job)
            record.read(there)
            if record.is_done:
                over.append(delivery)
            else:
                begun.append((record, job.attempt, record.beginning(job.attempt)))
        outcomes = queryset.write([put for _, _, put in begun]) if begun else []
        for (record, attempt, _), outcome in zip(begun, outcomes, strict=True):
            if not record.wrote(outcome):  # its sender was just writing the record
                record.begin(attempt)
        return over

    def put_back(self, delivery: Delivery, reason: str) -> None:
        """Write down that a job will be tried again."""
        self._tell(delivery, reason, JobRecord.put_back)

    def archived(self, delivery: Delivery, reason: str) -> None:
        """Write down that a job will never be done."""
        self._tell(delivery, reason, JobRecord.fail)

    def _tell(
        self, delivery: Delivery, reason: str, tell: Callable[[JobRecord, str], None]
    ) -> None:
        try:
            record = cast("JobRecord | None", delivery.context) or self._unbegun(delivery)
            if record is not None:
                with suppress(JobLost):
                    tell(record, record.shown or reason)
                delivery.lost = record.lost
        except Unavailable:
            raise
        except Exception:  # the queue knows it all the same
            log.exception("What became of a job could not be written down: %s", reason)

    def _unbegun(self, delivery: Delivery) -> JobRecord | None:
        """Return the record of a job that this worker never started; None if it can have none."""
        if delivery.job is None:
            return None
        try:
            stream, _ = self._found(delivery.job.path)
        except LookupError:
            return None
        record = self._record(stream, delivery.job)
        queryset = self._app.stream(stream).records()
        self._patiently(lambda: record.read(queryset.get([record.id])[0]))
        return record

    def _patiently(self, action: Callable[[], T], *, hasty: bool = False) -> T:
        """Retry an action while the store is unavailable; if hasty, not once the worker stops."""
        while True:
            try:
                return action()
            except Unavailable:
                worker = self._connection
                if worker is None or worker.must_end or (hasty and worker.is_stopping):
                    raise
                green.sleep(_PAUSE)

    # In between.

    def _found(self, path: str) -> tuple[type[JobStream], Match]:
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

    def _record(self, stream: type[JobStream], job: QueuedJob) -> JobRecord:
        def made() -> Job:
            document = stream.model(id=job.id, path=job.path)
            if isinstance(document, OwnedJob) and job.owner is not None:
                document.owner_id, document.owner_username = job.owner[0], job.owner[1] or None
            return document

        return JobRecord(self._app.stream(stream).records(), made, self._app.clock, self._patiently)


def _written(data: Any) -> msgspec.Raw:
    try:
        written = msgspec.json.encode(data)
        # A reader may accept less nesting than the writer.
        msgspec.json.decode(b"[" * _HEADROOM + written + b"]" * _HEADROOM)
        errors = list(numbers_lost(data, written))
    except RecursionError:
        raise UnsendableData(422, "The data of a job are nested too deeply.") from None
    except UnicodeEncodeError:
        raise UnsendableData(422, "The data of a job contain half a surrogate pair.") from None
    if errors:
        detail = "The data of a job contain a number that is not finite."
        raise UnsendableData(422, detail, errors=errors)
    if len(written) > MAX_BYTES:
        raise UnsendableData(
            413,
            f"A job has at most {MAX_BYTES} bytes of data, not {len(written)}; "
            "keep them in a store and send their place.",
        )
    return msgspec.Raw(written)


def _payload(response: Response) -> Any:
    try:
        return msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return response.body.decode(errors="replace")
