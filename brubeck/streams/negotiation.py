"""Content negotiation: the media type of an answer, and those of a body."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from brubeck.http import Problem, Request
from brubeck.http.media import best_match

KNOWN_ACCEPT: Final = 300
"""The maximal length of an ``Accept`` header that is cached."""

_known_match = lru_cache(maxsize=256)(best_match)  # there are few clients, each with its header


def negotiate(request: Request, *offers: str) -> str:
    """Return the one of the offered media types that the caller prefers; 406 when it takes none."""
    accept = request.header("accept")
    known = accept is None or len(accept) <= KNOWN_ACCEPT
    chosen = (_known_match if known else best_match)(accept, offers)
    if chosen is None:
        raise Problem(406, f"Available media types: {', '.join(offers)}.")
    return chosen


def require_type(request: Request, *accepted: str) -> None:
    """Refuse a body of another media type: 415. A body without a type is taken for the first."""
    request.require_plain_body()
    content_type = request.content_type
    if content_type and content_type not in accepted:
        header = "Accept-Patch" if request.method == "PATCH" else "Accept"
        detail = f"The body is {' or '.join(accepted)}."
        raise Problem(415, detail, headers={header: ", ".join(accepted)})
