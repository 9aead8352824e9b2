"""The answer to one message of Mongrel2: a request, its response, and the bytes of that.

Rules: what an application raises is logged and becomes a 500; what a stream raises cuts its
connection; and a stream or a stored body is closed whatever happens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
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
from brubeck.http.framing import Framed, frame
from brubeck.http.problems import Problem
from brubeck.http.request import Request
from brubeck.http.response import Response, StreamingResponse
from brubeck.http.subscription import Subscription

log = logging.getLogger("brubeck.server")

Respond = Callable[[Request], Response]


class Answerer:
    """Turns a message into the bytes of its answer."""

    def __init__(self, respond: Respond, uploads: Uploads, stopping: green.Event) -> None:
        self._respond, self._uploads, self._stopping = respond, uploads, stopping

    def _is_wanted(self, outbox: Outbox) -> bool:
        return not (outbox.gone or self._stopping.is_set())

    def answer(self, message: Message, outbox: Outbox) -> Rest | None:
        """Answer a message; `Gone` when its client is.

        What is returned is the rest of a stream that goes on among many for now.
        """
        if outbox.gone:
            raise Gone
        keep_alive = wants_keep_alive(message)
        body: bytes | BinaryIO = b""
        request: Request | None = None
        try:
            body = read_body(message, self._uploads)
            request = make_request(message, body)
            request.is_wanted = request.may_wait = partial(self._is_wanted, outbox)
            request.may_subscribe = version_of(message) == "1.1"
            response = self._response(request)
        except Problem as problem:
            # Where the body ends is not known, so nothing can follow it.
            response, keep_alive = problem.response(), False
        framed = frame(
            response,
            method=method_of(message),
            version=version_of(message),
            keep_alive=keep_alive and not self._stopping.is_set(),
        )
        rest = Rest(response, framed, body, request, outbox)
        return rest.begin()

    def _response(self, request: Request) -> Response:
        try:
            return self._respond(request)
        except Problem as problem:
            return problem.response()
        except Exception:
            log.exception("Nothing answered %s %s.", request.method, request.target)
            return Problem(500, extra={"request_id": request.id}).response()


class Rest:
    """An answer on its way, and the resources to close when it is over."""

    def __init__(
        self,
        response: Response,
        framed: Framed,
        body: bytes | BinaryIO,
        request: Request | None,
        outbox: Outbox,
    ) -> None:
        self._response = response
        self._framed = framed
        self._body = body
        self._request = request
        self._outbox = outbox
        parts: Iterable[bytes | Subscription] = ()
        if isinstance(response, StreamingResponse) and framed.coder is not None:
            parts = response.parts
        self._parts = green.fairly(parts)

    def begin(self) -> Rest | None:
        """Send it from its start; return the rest when it goes on in a subscription."""
        framed, outbox = self._framed, self._outbox
        try:
            outbox.write(framed.head + framed.body, last=framed.coder is None)
        except BaseException:
            self._close()
            raise
        return self.go_on()

    def go_on(self) -> Rest | None:
        """Send the rest, to the end or until it goes on in a subscription."""
        try:
            ended = self._stream()
        except Gone:
            self._close()
            raise
        except Exception as reason:
            self._close()
            log.exception("A stream broke off; its connection was cut.")
            raise Gone from reason
        if not ended:
            return self
        self._close()
        if not self._framed.keep_alive:
            self._outbox.close()
        return None

    def _stream(self) -> bool:
        response, coder = self._response, self._framed.coder
        if coder is None or not isinstance(response, StreamingResponse):
            return True
        return self._outbox.stream(response, self._parts, coder)

    def _close(self) -> None:
        if isinstance(self._response, StreamingResponse):
            self._response.close()
        if self._request is not None:
            self._request.close()
        elif not isinstance(self._body, bytes):
            self._body.close()
