"""Request ids: one name of a request in the answer, in every log line, and in a proxy's own log.

Rules:

- The id is in the header ``X-Request-ID`` of the answer. A trusted proxy may send its own in the
  same header; anybody else's is ignored, since logs are searched by it.
- Log lines of the thread that answers a request have its id, and the trace id of a ``traceparent``
  header (W3C Trace Context).
- An answer that shared caches may keep has none: it is for other requests, too.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Final

import msgspec

from brubeck.http import Request, Response
from brubeck.http.proxies import TrustedProxies
from brubeck.monitoring.programs import Respond

HEADER: Final = "X-Request-ID"
_ID: Final = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.{0,256})?"
)


class Names(msgspec.Struct, frozen=True):
    """The names of a request: its id, and the trace that it belongs to, if any."""

    request_id: str = ""
    traceparent: str = ""

    @property
    def trace_id(self) -> str:
        """The id of the trace, 32 hexadecimal digits; empty without one."""
        return self.traceparent[3:35]


_current: ContextVar[Names] = ContextVar("brubeck_request_names", default=Names())  # noqa: B039, frozen


def current() -> Names:
    """Return the names of the request that this thread answers."""
    return _current.get()


def trace_headers() -> dict[str, str]:
    """Return the headers by which a request to another server belongs to the same trace.

    >>> trace_headers()
    {}
    """
    names = current()
    return {"traceparent": names.traceparent} if names.traceparent else {}


def named(proxies: TrustedProxies, respond: Respond) -> Respond:
    """Return a ``respond`` that names each request."""

    def answer(request: Request) -> Response:
        request.trusted_proxies = proxies
        given = request.header("x-request-id") if request.comes_from_proxy else None
        if given is not None and _ID.fullmatch(given):
            request.assign_id(given)
        _current.set(Names(request.id, _traceparent(request)))
        response = respond(request)
        if response.headers.get("Cache-Control", "").startswith("public"):
            return response
        response = response.copy()
        response.headers[HEADER] = request.id
        return response

    return answer


def _traceparent(request: Request) -> str:
    sent = request.header("traceparent") or ""
    return sent if _TRACEPARENT.fullmatch(sent) else ""
