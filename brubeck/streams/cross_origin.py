"""Cross-origin requests (the Fetch standard's CORS): which pages elsewhere may use a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from brubeck.errors import ConfigError
from brubeck.http import Headers, Request

_ORIGIN: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?"
)
_EXPOSED: Final = "ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy"
_SENT: Final = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID"
)
_MAX_AGE: Final = "600"


class Origins(msgspec.Struct, frozen=True):
    """The origins that may; ``everybody`` may without credentials of the browser's own."""

    named: frozenset[str] = frozenset()
    everybody: bool = False

    def headers(self, request: Request, methods: Iterable[str]) -> Headers:
        """Return what a browser has to be told to let a page elsewhere see the answer."""
        headers = Headers({})
        origin = request.header("origin")
        if origin is None:
            return headers
        if origin in self.named:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
        elif self.everybody:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            return headers
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            headers["Access-Control-Allow-Methods"] = ", ".join(methods)
            headers["Access-Control-Allow-Headers"] = _SENT
            headers["Access-Control-Max-Age"] = _MAX_AGE
        else:
            headers["Access-Control-Expose-Headers"] = _EXPOSED
        return headers


def declare_origins(cors: object, owner: str) -> Origins | None:
    """Return what a handler declares: ``'*'``, or a tuple of origins; None, and nobody may.

    >>> declare_origins(('https://app.example',), 'Quakes').everybody
    False
    """
    if cors is None or cors == ():
        return None
    names = (cors,) if isinstance(cors, str) else cors
    if not isinstance(names, tuple | list | set | frozenset):
        raise ConfigError(f"{owner}.cors is '*' or a tuple of origins, not {cors!r}.")
    for name in names:
        if name != "*" and not (isinstance(name, str) and _ORIGIN.fullmatch(name)):
            raise ConfigError(
                f'{owner}.cors: an origin is like "https://app.example", not {name!r}.'
            )
    return Origins(frozenset(names) - {"*"}, "*" in names)
