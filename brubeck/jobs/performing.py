"""`Performer`: jobs done by their handlers, with their states in the store meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

import msgspec

from brubeck.handlers import MessageHandler
from brubeck.http import Request, Response
from brubeck.jobs.errors import JobLost
from brubeck.jobs.handler import JobHandler
from brubeck.jobs.lookup import JobLookup
from brubeck.jobs.queue import Delivery, QueuedJob
from brubeck.jobs.records import JobRecord
from brubeck.jobs.stream import JobStream
from brubeck.jobs.worker import Outcome, outcome_of
from brubeck.storage import Put, Unavailable

log = logging.getLogger("brubeck.jobs")


class Performer:
    """Does the jobs of an application, and is the `Watch` of its worker."""

    def __init__(self, lookup: JobLookup) -> None:
        self._lookup, self._app = lookup, lookup.app

    def perform(self, delivery: Delivery) -> Outcome:
        """Have a job done by its handler, and store its result; return its outcome."""
        job = cast("QueuedJob", delivery.job)
        request = job.request(delivery)
        return outcome_of(request, self._respond(request, job, delivery))

    def _respond(self, request: Request, job: QueuedJob, delivery: Delivery) -> Response:
        try:
            stream, match = self._lookup.found(job.path)
        except LookupError as reason:
            # Perhaps an older program than the one that sent it: a newer one may know.
            return Response(str(reason), 500)
        record = cast("JobRecord | None", delivery.context)
        if record is None:  # it could not be started together with others
            record = self._lookup.record(stream, job)
            if not self._lookup.patiently(partial(record.begin, job.attempt)):
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
        """Write down that some jobs are being done; return those that are over already."""
        over: list[Delivery] = []
        by_stream: dict[type[JobStream], list[Delivery]] = {}
        for each in deliveries:
            with suppress(LookupError):
                stream, _ = self._lookup.found(cast("QueuedJob", each.job).path)
                by_stream.setdefault(stream, []).append(each)
        for stream, some in by_stream.items():
            try:
                over += self._lookup.patiently(partial(self._begin, stream, some), hasty=True)
            except Unavailable:
                raise
            except Exception:
                # It may be the fault of one of them. Each is started, and fails, by itself.
                log.exception("%d jobs could not be started together.", len(some))
                for each in some:
                    each.context = None
        return over

    def _begin(self, stream: type[JobStream], deliveries: list[Delivery]) -> list[Delivery]:
        """Begin jobs of one stream, all of them at once; return those that are over."""
        jobs = [(each, cast("QueuedJob", each.job)) for each in deliveries]
        queryset = self._app.stream(stream).records()
        over = []
        started: list[tuple[Delivery, JobRecord, int, Put]] = []
        found = queryset.get([job.id for _, job in jobs])
        for (delivery, job), there in zip(jobs, found, strict=True):
            delivery.context = record = self._lookup.record(stream, job)
            record.read(there)
            if record.is_over:
                over.append(delivery)
            else:
                started.append((delivery, record, job.attempt, record.beginning(job.attempt)))
        outcomes = queryset.write([put for *_, put in started]) if started else []
        for (delivery, record, attempt, _), outcome in zip(started, outcomes, strict=True):
            # A refusal means that its sender was just writing the record, or that it was cancelled.
            if not record.wrote(outcome) and not record.begin(attempt) and record.is_over:
                over.append(delivery)
        return over

    def put_back(self, delivery: Delivery, reason: str) -> None:
        """Write down that a job will be tried again."""
        self._tell(delivery, reason, JobRecord.put_back)

    def archived(self, delivery: Delivery, reason: str) -> None:
        """Write down that a job will never be done."""
        self._tell(delivery, reason, JobRecord.fail)

    def _tell(
        self, delivery: Delivery, reason: str, notify: Callable[[JobRecord, str], None]
    ) -> None:
        try:
            record = cast("JobRecord | None", delivery.context) or self._unstarted(delivery)
            if record is not None:
                with suppress(JobLost):
                    notify(record, record.shown or reason)
                delivery.lost = record.lost
        except Unavailable:
            raise
        except Exception:  # the queue knows it all the same
            log.exception("What became of a job could not be written down: %s", reason)

    def _unstarted(self, delivery: Delivery) -> JobRecord | None:
        """Return the record of a job that this worker never started; None if it can have none."""
        if delivery.job is None:
            return None
        try:
            stream, _ = self._lookup.found(delivery.job.path)
        except LookupError:
            return None
        record = self._lookup.record(stream, delivery.job)
        queryset = self._app.stream(stream).records()
        self._lookup.patiently(lambda: record.read(queryset.get([record.id])[0]))
        return record


def _payload(response: Response) -> Any:
    try:
        return msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return response.body.decode(errors="replace")
