"""A scheme for tests: a header that names the caller."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from brubeck.auth import Caller, Scheme
from brubeck.http import Request

JSON = {"Content-Type": "application/json"}


class Badge(Scheme):
    """Authenticates the caller that the header ``X-Badge`` names, percent-encoded."""

    name = "badge"

    def authenticate(self, request: Request, _context: Any) -> Caller | None:
        """Return the named caller."""
        badge = request.header("x-badge")
        return None if badge is None else Caller(unquote(badge), "")

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "apiKey", "in": "header", "name": "X-Badge"}


def as_caller(name: str) -> dict[str, str]:
    """Return the headers of a request of a caller."""
    return {"X-Badge": quote(name)}
