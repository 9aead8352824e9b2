"""Errors of jobs, and the text of an error as an item can hold it."""

from __future__ import annotations

from brubeck.errors import BrubeckError
from brubeck.jobs.documents import MAX_NOTE


def plain(text: str) -> str:
    """Return a text as an item can hold it; a file's name, say, may be none."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")[:MAX_NOTE]


class GiveUp(BrubeckError):
    """Raised by a job that no further attempt could save; its text is shown to its readers."""


class JobLost(BrubeckError):
    """Another worker has the job by now: this one was not heard of for too long."""
