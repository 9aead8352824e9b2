"""The access log: one line for each request, by the logger ``brubeck.access``."""

from __future__ import annotations

import logging
from time import perf_counter

from brubeck.http.request import Request
from brubeck.http.response import Response

log = logging.getLogger("brubeck.access")


def log_access(request: Request, response: Response, began: float) -> None:
    """Log address, method, target, status, the bytes of the body, and the time in milliseconds.

    ``began`` is the `perf_counter` of the request's arrival; a streamed body is not waited for.
    The same are attributes of the record, for logs in JSON.
    """
    if log.isEnabledFor(logging.INFO):
        milliseconds = round((perf_counter() - began) * 1000, 2)
        found = {
            "address": request.remote_addr,
            "method": request.method,
            "target": request.target,
            "status": response.status,
            "bytes": len(response.body),
            "duration_ms": milliseconds,
        }
        log.info("%s %s %s %s %d %.2f ms", *found.values(), extra=found)
