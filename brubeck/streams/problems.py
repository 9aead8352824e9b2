"""Problems: the answers to the expected errors of documents and storages."""

from __future__ import annotations

import logging
from typing import Final

from brubeck.dictshield.base import ShieldException
from brubeck.documents.repository import Contended
from brubeck.http import Headers, Problem
from brubeck.storage import IndexBuilding, LostCursor, NotCanonical, Unavailable
from brubeck.streams.context import Context
from brubeck.streams.shared_caching import reading_headers

log = logging.getLogger("brubeck.app")

MAX_ERRORS: Final = 100
"""The maximal number of errors in the answer to one document."""


def problem_of(error: BaseException, context: Context) -> Problem | None:
    """Return the problem of an expected error, or None for an unexpected one."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ShieldException):
        errors = error.errors
        if len(errors) > MAX_ERRORS:
            last = f"There are more errors; these are the first {MAX_ERRORS}."
            errors = [*errors[:MAX_ERRORS], ("", last)]
        return Problem(422, "The document is not valid.", errors=errors)
    if isinstance(error, NotCanonical):
        errors = [(error.pointer, error.detail)]
        return Problem(422, "The document cannot be stored.", errors=errors)
    if isinstance(error, LostCursor):
        # What is lost stays lost; kept, it does not queue up behind the lock of a cache.
        kept = reading_headers(Headers(), context.spec.max_age, stale=False)
        return Problem(410, f"{error} Start over.", extra={"restart": context.base}, headers=kept)
    if isinstance(error, Contended):
        return Problem(503, str(error), headers={"Retry-After": "1"})
    if isinstance(error, Unavailable):
        headers = {"Retry-After": str(error.retry_after)}
        if isinstance(error, IndexBuilding):
            return Problem(503, str(error), headers=headers)
        # The log has the storage's address for the operator, the answer has not.
        log.warning("503, request %s: %s", context.request.id, error)
        return Problem(503, "The storage is unavailable; retry later.", headers=headers)
    return None
