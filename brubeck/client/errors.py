"""The errors of the client: one family, `ClientError`, split by the remedy.

A `Problem` is the server's own answer, so the request has to change. `Unavailable` is what is left
after the retries, so the same request may succeed later. `HistoryLost` means that a copy has to be
read again, `Closed` that the program itself ended the work. An argument that cannot be right is a
`ValueError` before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from brubeck.errors import BrubeckError
from brubeck.plain_text import one_line


class ClientError(BrubeckError):
    """An error of a client."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))  # a server's text may begin no line of its own in a log

    results: Sequence[Any] = ()
    """The results before the error, of a list that was sent in several requests."""


class Problem(ClientError):
    """The answer to a request that the server did not carry out (RFC 9457).

    ``errors`` are pairs of a JSON pointer and a sentence, one for every failing field; the names in
    ``headers`` are lower case; ``extra`` has the further members of the problem object.
    """

    def __init__(
        self,
        status: int,
        title: str = "",
        detail: str = "",
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(self._text())

    def _text(self) -> str:
        text = f"{self.status} {self.title}".rstrip()
        if self.detail:
            text += f": {self.detail}"
        return "; ".join([text, *(f"{pointer}: {detail}" for pointer, detail in self.errors)])


class NotFound(Problem):
    """There is no such item or stream (404), or the item was deleted (410)."""


class PreconditionFailed(Problem):
    """Another writer was first: the item is not the one that ``if_match`` names (412)."""


class HistoryLost(ClientError):
    """The changes after a cursor are no longer known: read the stream again.

    They were purged, or the storage was restored or lost writes. ``restart`` is the URL of the
    stream, ``cursor`` the one that was lost.
    """

    def __init__(self, restart: str, cursor: str | None) -> None:
        super().__init__(f"The changes after {cursor} are lost; read {restart} again.")
        self.restart = restart
        self.cursor = cursor


class Unavailable(ClientError):
    """No usable answer came within the retries; a write may have been carried out or not.

    ``problem`` is the last answer, or None where there was none. ``attempts`` counts the requests.
    """

    def __init__(self, request: str, reason: str, attempts: int, problem: Problem | None) -> None:
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(f"{request} failed after {times}: {reason}")
        self.problem = problem
        self.attempts = attempts


class Closed(ClientError):
    """The stream, feed or mirror was closed."""

    def __init__(self) -> None:
        super().__init__("It was closed.")
