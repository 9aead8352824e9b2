"""Cross-origin requests (the Fetch standard's CORS): which pages elsewhere may use a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from brubeck.errors import ConfigError
from brubeck.http import Headers, Problem, Request, Response, StreamingResponse
from brubeck.http.origins import declared_origins

if TYPE_CHECKING:
    from brubeck.auth import Scheme
    from brubeck.streams.paths import StreamPath

_EXPOSED: Final = "ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy"
_SENT: Final = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID"
)
_MAX_AGE: Final = "600"


class Origins(msgspec.Struct, frozen=True):
    """The origins that may; ``everybody`` may without credentials of the browser's own."""

    named: frozenset[str] = frozenset()
    everybody: bool = False

    def headers(
        self, request: Request, methods: Iterable[str], schemes: Sequence[Scheme] = ()
    ) -> Headers:
        """Return the headers by which a browser lets a page elsewhere see the answer.

        To a preflight they say which methods and headers may be sent, those of the authentication
        schemes included.
        """
        headers = Headers({})
        origin = request.header("origin")
        if origin is None and not (self.everybody and not self.named):
            return headers  # where some are named, an answer depends on the origin anyway
        if origin in self.named:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
        elif self.everybody:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            return headers
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            headers["Access-Control-Allow-Methods"] = ", ".join(methods)
            headers["Access-Control-Allow-Headers"] = _sendable(schemes)
            headers["Access-Control-Max-Age"] = _MAX_AGE
        else:
            headers["Access-Control-Expose-Headers"] = _EXPOSED
        return headers


def declare_origins(cors: object, owner: str) -> Origins | None:
    """Return the `Origins` of ``'*'`` or of a tuple of origins; None where none are declared.

    >>> declare_origins(('https://app.example',), 'Quakes').everybody
    False
    """
    if cors is None or cors == ():
        return None
    names = (cors,) if isinstance(cors, str) else cors
    if not isinstance(names, tuple | list | set | frozenset):
        raise ConfigError(f"{owner}.cors is '*' or a tuple of origins, not {cors!r}.")
    try:
        named = declared_origins(tuple(name for name in names if name != "*"))
    except ValueError as reason:
        raise ConfigError(f"{owner}.cors: {reason}.") from None
    return Origins(named, "*" in names)


class SharedStream(Protocol):
    """The spec of a stream, as far as its origins go."""

    @property
    def origins(self) -> Origins | None:
        """The origins whose pages may use the stream."""

    @property
    def path(self) -> StreamPath:
        """The path of the stream."""


def shared_error(response: Response, request: Request, streams: Iterable[SharedStream]) -> Response:
    """Return an error with the headers of its stream's origins, also if no handler made it.

    Without them the page gets a network error instead of the status and the problem. The response
    that was given stays as it is.
    """
    shared = "access-control-allow-origin" in response.headers
    if shared or request.header("origin") is None or isinstance(response, StreamingResponse):
        return response
    for stream in streams:
        if stream.origins and _is_within(stream.path, request):
            headers = response.headers.copy()
            headers.update(stream.origins.headers(request, ()))
            headers.add("Vary", "Origin")
            return Response(response.body, response.status, headers=headers, reason=response.reason)
    return response


def _is_within(served: StreamPath, request: Request) -> bool:
    """Return whether the path of a request is that of a stream, or lies under it."""
    try:
        path = request.path
    except Problem:  # it cannot be decoded, but where it begins can be read
        path = request.target
    return re.match(f"{served.pattern}(?:[/?]|$)", path) is not None


def _sendable(schemes: Sequence[Scheme]) -> str:
    names = [_SENT, *(name for scheme in schemes for name in scheme.request_headers)]
    return ", ".join(dict.fromkeys(names))
