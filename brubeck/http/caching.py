"""Keep answers for one caller alone out of shared caches (RFC 9111)."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Final

from brubeck.http.headers import list_values
from brubeck.http.response import Response

SET_COOKIE: Final = frozenset(("set-cookie",))
"""The response header that makes an answer one for a single caller."""


def kept_private(response: Response, identity: Iterable[str]) -> Response:
    """Return a response that no shared cache gives to anybody else.

    ``identity`` are the names of the request headers that identify the caller and that were read
    for this answer; it depends on them. What the handler says in ``Cache-Control`` stands. The
    response that was given stays as it is: a handler may give the same one to everybody.
    """
    named = [each.lower() for each in list_values(response.headers.get("vary", ""))]
    missing = [name for name in sorted(identity) if name.lower() not in named and "*" not in named]
    if not missing and "cache-control" in response.headers:
        return response
    kept = copy(response)
    kept.headers = headers = response.headers.copy()
    headers.setdefault("Cache-Control", "private, no-store")
    if missing:
        headers["Vary"] = ", ".join([*list_values(headers.get("vary", "")), *missing])
    return kept
