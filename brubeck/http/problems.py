"""Errors as the web sees them: problem details (RFC 9457).

A `Problem` is raised anywhere above the message layer and becomes the response by itself. What it
says is shown to the caller; what must not be shown goes to the log, under the same request id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from brubeck.errors import BrubeckError
from brubeck.http.headers import Headers
from brubeck.http.response import REASONS, Response

MEDIA_TYPE = "application/problem+json"


class Problem(BrubeckError):
    """A request that cannot be answered as asked, with the status and words to say so.

    ``errors`` are pairs of a JSON pointer and a sentence, one for every failing field; ``extra``
    are further members of the problem object; ``headers`` go with the response.
    """

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        title: str | None = None,
        type: str = "about:blank",  # noqa: A002, the member's name in RFC 9457
        headers: Mapping[str, str] | None = None,
        errors: Iterable[tuple[str, str]] = (),
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail or title or REASONS.get(status, "Unknown"))
        self.status = status
        self.detail = detail
        self.title = title or REASONS.get(status, "Unknown")
        self.type = type
        self.headers = dict(headers or {})
        self.errors = list(errors)
        self.extra = dict(extra or {})

    def to_dict(self) -> dict[str, object]:
        """Return the members of the problem object."""
        members: dict[str, object] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        if self.errors:
            members["errors"] = [{"pointer": at, "detail": text} for at, text in self.errors]
        return members | self.extra

    def response(self) -> Response:
        """Return the response of this problem, as ``application/problem+json``."""
        headers = Headers(self.headers)
        headers["Content-Type"] = MEDIA_TYPE
        headers.setdefault("Cache-Control", "no-store")
        return Response(msgspec.json.encode(self.to_dict()), self.status, headers=headers)
