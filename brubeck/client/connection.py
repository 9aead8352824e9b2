"""Connections with threads: perform the steps of operations by `httpx.Client`.

Rules:

- `Connection.close` may be called from any thread. It wakes whichever thread waits for the server:
  the sockets are shut down, which ends a read at once, and are closed by the threads that use them.
- After that every step raises `Closed`.
"""

from __future__ import annotations

import _socket
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, RLock
from typing import TYPE_CHECKING, Any, TypeVar

from brubeck.client.bodies import pieces
from brubeck.client.errors import Closed
from brubeck.client.guard import Guard
from brubeck.client.steps import Emit, Failure, Open, Pause, Read, Reply, Request, Send, Step, Steps
from brubeck.client.transport import (
    BODY_SECONDS,
    MAX_BYTES,
    Options,
    failure_of,
    no_answer,
    reply_of,
    timeouts,
    too_long,
    too_slow,
)

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_CONNECTED = ("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")


class Connection:
    """The connections of one stream, or of one feed, which has at most one open answer."""

    def __init__(self, options: Options) -> None:
        import httpx

        self._client = httpx.Client(**options.arguments())
        self._closed = Event()
        self._lock = RLock()
        self._guard = Guard(self._shut_down)
        self._users = 0
        self._sockets: list[Any] = []
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._silence = 0.0

    def perform(self, step: Step) -> Reply | Failure | bytes | None:
        """Perform a step and return its outcome; `Closed` when it was closed."""
        with self._use():
            match step:
                case Send():
                    return self._send(step.request, step.seconds)
                case Open():
                    return self._open(step)
                case Read():
                    return self._read()
                case Pause():
                    self._closed.wait(step.seconds)
        return None

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """End every request, feed and pause, in all threads."""
        self._closed.set()
        self._guard.close()
        with self._lock:
            self._shut_down()
            if not self._users:
                self._release()

    def _shut_down(self) -> None:
        with self._lock:
            for each in self._sockets:
                _shut_down(each)

    def release(self) -> None:
        """Close the open answer."""
        response, self._response = self._response, None
        if response is not None:
            with suppress(Exception):
                response.close()

    @contextmanager
    def _use(self) -> Iterator[None]:
        """Count a user, the last of which closes what was closed; an error by that is `Closed`."""
        with self._lock:
            if self._closed.is_set():
                raise Closed
            self._users += 1
        try:
            yield
        except Exception:
            if not self._closed.is_set():
                raise
        finally:
            with self._lock:
                self._users -= 1
                if self._closed.is_set() and not self._users:
                    self._release()
        if self._closed.is_set():
            raise Closed

    def _release(self) -> None:
        self.release()
        self._client.close()

    def _request(self, request: Request, seconds: float) -> httpx.Response | Failure:
        """Send a request, and return the response before its body.

        The time of httpx begins anew with each byte, and a server may send a head without an end.
        Twice the time ends it, together with other requests that wait here, which are sent again.
        """
        built = self._client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.body,
            timeout=timeouts(seconds),
            extensions={"trace": self._trace},
        )
        with self._guard.within(2 * seconds) as watch:
            try:
                return self._client.send(built, stream=True)
            except Exception:
                if watch.is_over:
                    return no_answer(2 * seconds)
                raise

    def _send(self, request: Request, seconds: float) -> Reply | Failure:
        import httpx

        self.release()
        until = time.monotonic() + seconds
        try:
            response = self._request(request, seconds)
            if isinstance(response, Failure):
                return response
            try:
                return self._whole(response, until, seconds)
            finally:
                response.close()
        except (httpx.RequestError, OSError) as error:
            return failure_of(error)

    def _whole(self, response: httpx.Response, until: float, seconds: float) -> Reply | Failure:
        """Read the body of a response until its time is over.

        The bytes between the pieces, of chunks and trailers, may have no end either.
        """
        with self._guard.within(until - time.monotonic()) as watch:
            try:
                body = _body(response, until)
            except Exception:
                if not watch.is_over:
                    raise
                body = None
        return too_slow(seconds) if body is None else reply_of(response, body)

    def _open(self, step: Open) -> Reply | Failure:
        import httpx

        self.release()
        try:
            response = self._request(step.request, step.silence)
            if isinstance(response, Failure):
                return response
            reply = reply_of(response)
            if (reply.status, reply.media_type) == (200, step.media_type):
                self._response, self._chunks = response, filter(None, pieces(response))
                self._silence = step.silence
                return reply
            try:
                return self._whole(response, time.monotonic() + BODY_SECONDS, BODY_SECONDS)
            finally:
                response.close()
        except (httpx.RequestError, OSError) as error:
            return failure_of(error)

    def _read(self) -> bytes | Failure:
        import httpx

        with self._guard.within(2 * self._silence) as watch:
            try:
                piece = next(self._chunks, b"")
            except (httpx.RequestError, OSError) as error:
                self.release()
                return no_answer(2 * self._silence) if watch.is_over else failure_of(error)
        if not piece:
            self.release()
        return piece

    def _trace(self, name: str, info: dict[str, Any]) -> None:
        """Note the socket of each new connection (httpx: the extension ``trace``)."""
        if not name.endswith(_CONNECTED):
            return
        found = info["return_value"].get_extra_info("socket")
        if found is None:  # a transport of the user's own
            return
        with self._lock:
            self._sockets = [each for each in self._sockets if each.fileno() != -1]
            self._sockets.append(found)
            if self._closed.is_set():
                _shut_down(found)


def _body(response: httpx.Response, until: float) -> bytes | None:
    """Return the body of a response; None where it has not ended in time."""
    found, size = [], 0
    for piece in pieces(response):
        found.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            raise too_long(response)
        if time.monotonic() > until:
            return None
    return b"".join(found)


def _shut_down(connected: Any) -> None:
    """Shut a socket down, which ends a read of it.

    Of TLS it is the socket below, since its state belongs to the thread that reads. The sockets of
    eventlet and gevent are no sockets of the standard library, and shut themselves down.
    """
    with suppress(OSError):
        if isinstance(connected, _socket.socket):
            _socket.socket.shutdown(connected, socket.SHUT_RDWR)
        else:
            connected.shutdown(socket.SHUT_RDWR)


def run(connection: Connection, steps: Steps[T]) -> T:
    """Perform the steps of an operation and return its result."""
    outcome = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        outcome = connection.perform(step)


def iterate(connection: Connection, steps: Steps[None]) -> Iterator[Any]:
    """Perform the steps of an operation, and yield its results."""
    outcome = None
    try:
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield step.value
                outcome = None
            else:
                outcome = connection.perform(step)
    finally:
        steps.close()
