"""The access log: one line for each request, by the logger ``brubeck.access``."""

from __future__ import annotations

import logging

from brubeck.http.request import Request
from brubeck.http.response import Response

log = logging.getLogger("brubeck.access")


def log_access(request: Request, response: Response) -> None:
    """Log address, method, target, status and the number of bytes in the body."""
    if log.isEnabledFor(logging.INFO):
        size = len(response.body)
        line = (request.remote_addr, request.method, request.target, response.status, size)
        log.info("%s %s %s %s %d", *line)
