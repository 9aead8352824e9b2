"""Jobs as documents: what those who wait for one are told."""

from __future__ import annotations

from typing import Any, Final

from brubeck.dictshield.fields import BaseField, FloatField, IntField, StringField
from brubeck.streams.documents import OwnedDocument, StreamedDocument

QUEUED: Final = "queued"
RUNNING: Final = "running"
WAITING: Final = "waiting"
DONE: Final = "done"
FAILED: Final = "failed"
STATES: Final = (QUEUED, RUNNING, WAITING, DONE, FAILED)

MAX_NOTE: Final = 1000


class Job(StreamedDocument):
    """A job: what is to be done, how far that is, and what came of it."""

    path = StringField(max_length=1000, description="What is to be done.")
    state = StringField(
        choices=STATES,
        description="It waits for a worker, is done, is to be tried again, is done, or never will.",
    )
    attempt = IntField(min_value=0, description="Which attempt this is; 0 before the first.")
    progress = FloatField(min_value=0, max_value=1, description="Which part of it is done.")
    note = StringField(max_length=MAX_NOTE, description="What is being done.")
    result: BaseField[Any] = BaseField(description="What came of it.")
    error = StringField(max_length=MAX_NOTE, description="Why the last attempt failed.")


class OwnedJob(Job, OwnedDocument):
    """A job that belongs to whoever asked for it."""
