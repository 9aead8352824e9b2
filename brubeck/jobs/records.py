"""What is written down of a job, by whoever has it now.

Each write names the position of the one before. So a worker that was taken for dead, and whose job
another has begun again, finds that out by its next write, and tells nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from brubeck.jobs.documents import DONE, FAILED, MAX_NOTE, QUEUED, RUNNING, WAITING, Job
from brubeck.jobs.handler import JobLost
from brubeck.storage import Outcome, Put, Queryset, Record, Tombstone, Written, check_canonical
from brubeck.timekeeping import Clock


class JobRecord:
    """The item of one job in its stream. Any call may raise `Unavailable`."""

    def __init__(self, queryset: Queryset, made: Callable[[], Job], clock: Clock) -> None:
        self._queryset, self._made, self._clock = queryset, made, clock
        self._document = made()
        self._position: int | None = None
        self._name, self._writes = uuid4().hex, 0
        self.shown = ""
        """What those who wait are told of a failure."""
        self.lost = False
        """Whether another worker has the job by now."""

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self._document.id)

    @property
    def is_done(self) -> bool:
        """Whether the job has been done."""
        return self._document.state == DONE

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
        """Where the item stands in the change order."""
        return self._position

    def queue(self) -> None:
        """Write down that the job waits; where it is written down already, leave it so."""
        self._document.state, self._document.attempt = QUEUED, 0
        if not self._write():
            self.read(self._queryset.get([self.id])[0])

    def begin(self, attempt: int) -> bool:
        """Write down that the job is being done; False where it has been already."""
        while True:
            self.read(self._queryset.get([self.id])[0])
            if self.is_done:
                return False
            if self.wrote(self._queryset.write([self.beginning(attempt)])[0]):
                return True

    def read(self, found: Record | Tombstone | None) -> None:
        """Take the item as it is in the stream."""
        if isinstance(found, Record):
            self._document = type(self._document).decode_stored(found.body)
            self._position = found.position
        else:
            self._document, self._position = self._made(), None

    def beginning(self, attempt: int) -> Put:
        """Return the write that says that the job is being done."""
        document = self._document
        document.state, document.attempt = RUNNING, attempt
        document.progress = document.note = None
        return self._put()

    def wrote(self, outcome: Outcome) -> bool:
        """Take note of what became of a write, and tell whether it happened."""
        if not isinstance(outcome, Written):
            return False
        self._position = outcome.position
        return True

    def tell(self, part: float, note: str) -> None:
        """Write down how far the job is."""
        if not 0 <= part <= 1:
            raise ValueError(f"progress is a part of 1, not {part!r}")
        self._change(progress=float(part), note=note[:MAX_NOTE])

    def finish(self, result: Any) -> None:
        """Write down what came of the job."""
        self._change(state=DONE, progress=1.0, note=None, error=None, result=result)

    def put_back(self, error: str) -> None:
        """Write down that the job will be tried again."""
        self._change(state=WAITING, error=error[:MAX_NOTE])

    def fail(self, error: str) -> None:
        """Write down that the job will never be done."""
        self._change(state=FAILED, error=error[:MAX_NOTE])

    def _change(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self._document, name, value)
        self._document.validate(validate_all=True)
        if self.lost or not self._write():
            self.lost = True
            raise JobLost("Another worker has this job by now.")

    def _write(self) -> bool:
        """Write the item where it stood, and tell whether it still stood there."""
        put = self._put()
        check_canonical(put.body)
        return self.wrote(self._queryset.write([put])[0])

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
