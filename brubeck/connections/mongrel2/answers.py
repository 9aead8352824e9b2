"""The answer to one message of Mongrel2: a request, its response, and the bytes of that.

Rules: what an application raises is logged and becomes a 500; what a stream raises cuts its
connection; and a stream or a stored body is closed whatever happens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import BinaryIO

from brubeck import green
from brubeck.connections.mongrel2.messages import Message
from brubeck.connections.mongrel2.replies import Gone, Outbox
from brubeck.connections.mongrel2.requests import (
    Uploads,
    make_request,
    method_of,
    read_body,
    version_of,
    wants_keep_alive,
)
from brubeck.http.framing import frame
from brubeck.http.problems import Problem
from brubeck.http.request import Request
from brubeck.http.response import Response, StreamingResponse

log = logging.getLogger("brubeck.server")

Respond = Callable[[Request], Response]


class Answerer:
    """Turns a message into the bytes of its answer."""

    def __init__(self, respond: Respond, uploads: Uploads, stopping: green.Event) -> None:
        self._respond, self._uploads, self._stopping = respond, uploads, stopping

    def answer(self, message: Message, outbox: Outbox) -> None:
        """Answer a message; `Gone` when its client is."""
        if outbox.gone:
            raise Gone
        keep_alive = wants_keep_alive(message)
        body: bytes | BinaryIO = b""
        try:
            body = read_body(message, self._uploads)
            request = make_request(message, body)
            request.may_wait = lambda: not (outbox.gone or self._stopping.is_set())
            response = self._response(request)
        except Problem as problem:
            # Where the body ends is not known, so nothing can follow it.
            response, keep_alive = problem.response(), False
        try:
            self._send(response, message, outbox, keep_alive=keep_alive)
        finally:
            if isinstance(response, StreamingResponse):
                response.close()
            if not isinstance(body, bytes):
                body.close()

    def _response(self, request: Request) -> Response:
        try:
            return self._respond(request)
        except Problem as problem:
            return problem.response()
        except Exception:
            log.exception("Nothing answered %s %s.", request.method, request.target)
            return Problem(500, extra={"request_id": request.id}).response()

    def _send(
        self, response: Response, message: Message, outbox: Outbox, *, keep_alive: bool
    ) -> None:
        framed = frame(
            response,
            method=method_of(message),
            version=version_of(message),
            keep_alive=keep_alive and not self._stopping.is_set(),
        )
        outbox.write(framed.head + framed.body, last=framed.coder is None)
        if framed.coder is not None and isinstance(response, StreamingResponse):
            try:
                outbox.stream(response, framed.coder)
            except Gone:
                raise
            except Exception as reason:
                log.exception("A stream broke off; its connection was cut.")
                raise Gone from reason
        if not framed.keep_alive:
            outbox.close()
