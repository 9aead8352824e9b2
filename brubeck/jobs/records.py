"""The stored record of a job, written by the worker that has the job.

Each write names the position of the one before. So a worker that was taken for dead, and whose job
another one has started again, finds that out by its next write, and writes no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from brubeck.dictshield.base import ShieldException
from brubeck.documents.repository import Entry, Repository
from brubeck.jobs.documents import CANCELLED, DONE, FAILED, QUEUED, RUNNING, WAITING, Job
from brubeck.jobs.errors import JobLost, plain
from brubeck.storage import (
    NotCanonical,
    Outcome,
    Put,
    Record,
    RecordStream,
    Refused,
    Tombstone,
    Written,
    check_canonical,
)
from brubeck.timekeeping import Clock

Patiently = Callable[[Callable[[], Outcome]], Outcome]
"""Does a write, again and again while the store cannot be reached and somebody can wait."""


class JobRecord:
    """The item of one job in its stream. Any call may raise `Unavailable`."""

    def __init__(
        self, queryset: RecordStream, made: Callable[[], Job], clock: Clock, patiently: Patiently
    ) -> None:
        self._queryset, self._made, self._clock = queryset, made, clock
        self._patiently = patiently
        self._document = made()
        self._position: int | None = None
        self._name, self._writes = uuid4().hex, 0
        self.shown = ""
        """The text of a failure for the readers of the job."""
        self.lost = False
        """Whether another worker has the job by now."""

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self._document.id)

    @property
    def is_over(self) -> bool:
        """Whether the job has been done, or was cancelled, so that no worker begins it."""
        return self._document.state in (DONE, CANCELLED)

    @property
    def state(self) -> str:
        """The state of the job."""
        return str(self._document.state)

    @property
    def attempt(self) -> int:
        """Which attempt this is."""
        return self._document.attempt or 0

    @property
    def body(self) -> bytes:
        """The item as JSON."""
        return self._document.encode()

    @property
    def position(self) -> int | None:
        """The position of the item in the change order."""
        return self._position

    def queue(self, *, again: bool) -> None:
        """Write down that the job waits; where it is written down already, leave it so.

        One that is sent ``again`` may have left the stream by now.
        """
        if again and isinstance(self._queryset.get([self.id])[0], Tombstone):
            return
        self._document.state, self._document.attempt = QUEUED, 0
        if not self.wrote(self._queryset.write([self._put()])[0]):
            self.read(self._queryset.get([self.id])[0])

    def begin(self, attempt: int) -> bool:
        """Write down that the job is being done; False where it is over already."""

        def propose(found: Entry) -> Put | None:
            self.read(found)
            return None if self.is_over else self.beginning(attempt)

        changed = Repository(self._queryset).change(self.id, propose)
        return changed is not None and self.wrote(changed.outcome)

    def cancel(self) -> bool:
        """Write down that the job is cancelled; False where it no longer waits."""

        def propose(found: Entry) -> Put | None:
            self.read(found)
            document = self._document
            if not isinstance(found, Record) or document.state not in (QUEUED, WAITING):
                return None
            document.state = CANCELLED
            return self._put()

        changed = Repository(self._queryset).change(self.id, propose)
        return changed is not None and self.wrote(changed.outcome)

    def read(self, found: Entry) -> None:
        """Take the item as it is in the stream."""
        if isinstance(found, Record):
            self._document = type(self._document).decode_stored(found.body)
            self._position = found.position
        else:
            self._document, self._position = self._made(), None

    def beginning(self, attempt: int) -> Put:
        """Return the write that marks the job as being done."""
        document = self._document
        document.state, document.attempt = RUNNING, attempt
        document.progress = document.note = None
        return self._put()

    def wrote(self, outcome: Outcome) -> bool:
        """Take note of the outcome of a write, and return whether it happened."""
        if not isinstance(outcome, Written):
            return False
        self._position = outcome.position
        return True

    def report(self, part: float, note: str) -> None:
        """Write down how far the job is."""
        if not 0 <= part <= 1:
            raise ValueError(f"progress is a part of 1, not {part!r}")
        self._change(progress=float(part), note=plain(note))

    def finish(self, result: Any) -> None:
        """Write the result of the finished job."""
        self._change(state=DONE, progress=1.0, note=None, error=None, result=result)

    def put_back(self, error: str) -> None:
        """Write down that the job will be tried again."""
        self._change(state=WAITING, error=plain(error))

    def fail(self, error: str) -> None:
        """Write down that the job will never be done."""
        self._change(state=FAILED, error=plain(error))

    def check(self) -> None:
        """Raise `ValueError` for a job that cannot be written down."""
        try:
            self._document.validate(validate_all=True)
            check_canonical(self._document.encode())
        except (ShieldException, NotCanonical) as reason:
            raise ValueError(f"a job cannot be written down: {reason}") from reason

    def _change(self, **values: object) -> None:
        document = self._document
        before = {name: getattr(document, name) for name in values}
        for name, value in values.items():
            setattr(document, name, value)
        try:
            self.check()
        except ValueError:
            for name, value in before.items():
                setattr(document, name, value)
            raise
        if self.lost or not self._write():
            self.lost = True
            raise JobLost("Another worker has this job by now.")

    def _write(self) -> bool:
        """Write the item where it stood, and return whether it still stood there."""
        put = self._put()
        outcome = self._patiently(lambda: self._queryset.write([put])[0])
        if isinstance(outcome, Refused) and outcome.reason == "missing":
            # No worker deletes it: it left the stream, which does not retain it for so long.
            self._position = None
            put = self._put()
            outcome = self._patiently(lambda: self._queryset.write([put])[0])
        return self.wrote(outcome)

    def _put(self) -> Put:
        document = self._document
        self._writes += 1
        document.updated_at = self._clock.micros() // 1000
        document.created_at = document.created_at or document.updated_at
        return Put(
            id=self.id,
            created_at=document.created_at,
            body=document.encode(),
            token=f"{self._name}-{self._writes}",
            expected=self._position,
        )
