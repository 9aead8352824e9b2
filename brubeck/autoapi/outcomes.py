"""From the results of a queryset to HTTP answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document
from brubeck.http import Problem
from brubeck.queryset import AbstractQueryset, AlreadyThere, Result
from brubeck.storage import NotCanonical, StorageError, Unavailable
from brubeck.storage.sizes import STEP_BYTES


class Outcome(msgspec.Struct):
    """The outcome of one document: its status, and the document or the problem.

    ``shown`` is the JSON of the document, once there is one, and in its place: a decoded document
    may take fifty times the memory of its text.
    """

    status: int
    document: Any = None
    shown: msgspec.Raw | None = None
    item_id: str = ""
    problem: Problem | None = None


class Step:
    """The outcomes in a response, until its documents fill it."""

    def __init__(self, show: Callable[[Outcome], int]) -> None:
        self._show = show
        self._size = 0
        self.outcomes: list[Outcome] = []

    @property
    def is_full(self) -> bool:
        """Whether no further document fits."""
        return self._size >= STEP_BYTES

    def add(self, outcome: Outcome) -> None:
        """Add a document, or a problem."""
        self._size += self._show(outcome)
        self.outcomes.append(outcome)


def outcome_of(result: Result, api_id: str) -> Outcome:
    """Return the outcome of a queryset's result; ``api_id`` is the field that is the id."""
    status, datum = result
    if status == AbstractQueryset.MSG_CREATED:
        return Outcome(201, datum)
    if status in (AbstractQueryset.MSG_OK, AbstractQueryset.MSG_UPDATED):
        return Outcome(200, datum)
    if not isinstance(datum, Document):
        text = str(datum)
        missing = Problem(404, f"There is no {text[:160]}.")
        reason = missing if result.error is None else result.error
    else:
        text = str(getattr(datum, api_id, None) or "")
        reason = result.error or Problem(
            503, "The request cannot be processed at the moment; retry later."
        )
    problem = reason if isinstance(reason, Problem) else problem_of(reason) or Problem(503)
    return Outcome(problem.status, item_id=text, problem=problem)


def problem_of(err: BaseException) -> Problem | None:
    """Return the problem that an expected error is, or None for an unexpected one."""
    if isinstance(err, ShieldException):
        return Problem(422, "The document is not valid.", errors=err.errors[:100])
    if isinstance(err, NotCanonical):
        errors = [(err.pointer, err.detail)]
        return Problem(422, "The document cannot be stored.", errors=errors)
    if isinstance(err, AlreadyThere):
        return Problem(409, f"{err} PUT replaces it.")
    if isinstance(err, Unavailable):
        headers = {"Retry-After": str(err.retry_after)}
        return Problem(503, "The storage is unavailable; retry later.", headers=headers)
    if isinstance(err, StorageError):
        return Problem(503, str(err), headers={"Retry-After": "1"})
    return None
