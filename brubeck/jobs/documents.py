"""Jobs as documents: the state of a job, for the clients that wait for it."""

from __future__ import annotations

from typing import Any, Final

from brubeck.dictshield.fields import (
    BaseField,
    FloatField,
    IntField,
    MillisecondField,
    StringField,
)
from brubeck.streams.documents import OwnedDocument, StreamedDocument

QUEUED: Final = "queued"
RUNNING: Final = "running"
WAITING: Final = "waiting"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
STATES: Final = (QUEUED, RUNNING, WAITING, DONE, FAILED, CANCELLED)
OVER: Final = frozenset((DONE, FAILED, CANCELLED))
"""The states in which nothing more happens to a job, unless a dead letter is put back."""

MAX_NOTE: Final = 1000


class Job(StreamedDocument):
    """A job: its path, its state, its progress and its result."""

    path = StringField(max_length=1000, description="What is to be done.")
    state = StringField(
        choices=STATES,
        description="It waits for a worker, is in hand, is to be tried again, is done, never will "
        "be, or was cancelled.",
    )
    attempt = IntField(min_value=0, description="Which attempt this is; 0 before the first.")
    due_at = MillisecondField(description="When a delayed job is due, ms since the epoch.")
    progress = FloatField(min_value=0, max_value=1, description="Which part of it is done.")
    note = StringField(max_length=MAX_NOTE, description="What is being done.")
    result: BaseField[Any] = BaseField(description="What came of it.")
    error = StringField(max_length=MAX_NOTE, description="Why the last attempt failed.")


class OwnedJob(Job, OwnedDocument):
    """A job that belongs to the caller that sent it."""
