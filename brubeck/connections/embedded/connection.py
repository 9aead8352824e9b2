"""One client's connection: requests in, answers out, in order."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from math import inf
from time import monotonic
from typing import Final, Protocol

from brubeck import green
from brubeck.connections.embedded.options import ServerOptions
from brubeck.connections.embedded.parts import made_parts
from brubeck.connections.http1 import NOTHING, Held, Http1, Incoming
from brubeck.errors import ProtocolError
from brubeck.http import Problem, Request, Response, StreamingResponse
from brubeck.http.framing import Framed, UntilClose, frame
from brubeck.http.proxies import Client
from brubeck.http.subscription import Subscription

log = logging.getLogger("brubeck.server")

Respond = Callable[[Request], Response]

_READ: Final = 65_536
_TURN: Final = 0.001  # seconds of answers in a row after which others get a turn
_LINGER: Final = 2.0
_LEAST_RATE: Final = 500.0  # bytes a second; a body that is slower for long is cut
_JOIN: Final = 16_384  # a body up to this size is sent in one piece with its head


class Server(Protocol):
    """The server of a connection, as far as the connection goes."""

    options: ServerOptions
    tick: float
    """The seconds of its clock, which moves once a second."""
    draining: bool
    """Whether it finishes the requests in hand and takes no more."""

    def forget(self, connection: Connection) -> None:
        """Forget a connection that has ended."""


class _Sending:
    """A stream on its way: its request, its framing, and the parts still to come."""

    __slots__ = ("_head", "framed", "parts", "request")

    def __init__(
        self, request: Request, framed: Framed, parts: Iterator[bytes | Subscription]
    ) -> None:
        self.request = request
        self.framed = framed
        self.parts = parts
        self._head = framed.head

    def take_head(self) -> bytes:
        """Return the head, once."""
        head, self._head = self._head, b""
        return head


class Connection:
    """One client's connection, from accepting it to closing it."""

    __slots__ = (
        *("_answer", "_client", "_expired", "_http", "_kept", "_left", "_problem", "_reading"),
        *("_respond", "_sending", "_server", "_subscription", "_stream", "deadline"),
        *("_body_until", "_in_hand", "_unsent", "began_at"),
    )

    def __init__(self, server: Server, respond: Respond, client: Client) -> None:
        self._server = server
        self._respond = respond
        self._client = client
        self._http = Http1(server.options.limits, client)
        self._answer: StreamingResponse | None = None  # while it is being sent
        self._sending: _Sending | None = None
        self._subscription: Subscription | None = (
            None  # while others send here, and no thread of its own does
        )
        self._kept = b""
        self._body_until = 0.0
        self.began_at = 0.0
        """The tick at which the request that is being received began."""
        self._in_hand, self._unsent = NOTHING, 0
        self._expired = False
        self._left = False
        self._problem: Problem | None = None  # said last, when all else is answered
        self._reading = False
        self._stream: green.Stream | None = None
        self.deadline = inf

    def run(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve the connection to its end."""
        server = self._server
        with contextlib.suppress(OSError):  # a Unix socket has nothing to delay
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._stream = stream = green.stream(sock)
        except (OSError, ProtocolError) as reason:
            log.debug("%s: no connection: %s", self._client.address, reason)
            sock.close()
            server.forget(self)
            return

        def begin() -> None:
            if isinstance(sock, ssl.SSLSocket):
                self.deadline = server.tick + server.options.head_timeout
                sock.do_handshake()
            self._serve(stream)

        self._run_part(begin)

    def _run_part(self, part: Callable[[], None]) -> None:
        """Live a part of the connection's life, to its end or until others send here."""
        try:
            part()
        except (OSError, ProtocolError) as reason:
            log.debug("%s: connection ended: %s", self._client.address, reason)
        finally:
            if self._subscription is None:
                try:
                    self._http.close()
                    if self._stream is not None:
                        self._stream.close()
                finally:  # only now: until it is closed it counts
                    self._server.forget(self)

    def _serve(self, stream: green.Stream) -> None:
        server, http = self._server, self._http
        options = server.options
        while self._problem is None:
            if not http.started:
                self.deadline = server.tick + options.idle_timeout
                self._body_until = 0.0
            self._reading = True
            data = stream.recv(_READ)
            self._reading = False
            if not data:
                stream.end()
                return
            began = not http.started
            if began:
                self.began_at = server.tick
            try:
                http.feed(data)
            except Problem as problem:
                self._problem = problem.with_traceback(None)
            if http.ready:
                if not self._answer_all(stream):
                    return
                # What is left is the beginning of another request, whose time begins now.
                began, self.began_at, self._body_until = True, server.tick, 0.0
            if http.started and self._problem is None:
                self._wait_for_more(stream, len(data), began=began)
        self._refuse(stream, self._problem)

    def _wait_for_more(self, stream: green.Stream, received: int, *, began: bool) -> None:
        """Set how long the rest of a request may take: the head in all, the body as it comes."""
        server = self._server
        if not self._http.in_head:
            most = server.tick + server.options.body_timeout
            # One that keeps sending, but next to nothing, would hold its connection for ever.
            earned = self._body_until + received / _LEAST_RATE if self._body_until else most
            self.deadline = self._body_until = min(most, earned)
            if line := self._http.continue_line():
                stream.send(line)
        elif began:
            self.deadline = server.tick + server.options.head_timeout

    def _answer_all(self, stream: green.Stream) -> bool:
        """Answer the requests that are ready, in order; return whether the connection goes on."""
        ready = self._http.ready
        until = monotonic() + _TURN if len(ready) > 1 else inf
        while ready:
            incoming = ready.popleft()
            self.deadline = inf
            request, self._in_hand = incoming.request, incoming.held
            request.is_wanted = request.may_wait = self.is_wanted
            request.may_subscribe = stream.offers
            try:
                framed = self._answer_one(stream, incoming)
            finally:
                if self._subscription is None:
                    request.close()
            if framed is None:
                return False
            if not framed.keep_alive:
                self._linger(stream)
                return False
            if ready and monotonic() > until:
                green.sleep(0)  # many requests at once hold up no other client
                until = monotonic() + _TURN
        return True

    def _answer_one(self, stream: green.Stream, incoming: Incoming) -> Framed | None:
        """Answer one request; None where its answer goes on among many."""
        request = incoming.request
        response = self._respond(request)
        keep_alive = incoming.keep_alive and not self._server.draining
        framed = frame(
            response, method=request.method, version=request.version, keep_alive=keep_alive
        )
        if not isinstance(response, StreamingResponse):
            self._send_whole(stream, framed)
            return framed
        self._answer = response
        self._sending = _Sending(request, framed, green.fairly(made_parts(response)))
        return framed if self._send_stream(stream) else None

    def _send_whole(self, stream: green.Stream, framed: Framed) -> None:
        self._arm_timeout(len(framed.body))
        if len(framed.body) <= _JOIN:
            stream.send(framed.head + framed.body)
        else:
            stream.send(framed.head)
            stream.send(framed.body)

    def _send_stream(self, stream: green.Stream) -> bool:
        """Send a stream as it is made; an error in it also breaks the connection.

        Return whether it was sent to its end; otherwise it goes on in a subscription, until it is
        released.
        """
        response, sending = self._answer, self._sending
        assert response is not None  # noqa: S101, the caller has just set both
        assert sending is not None  # noqa: S101, likewise: one is never set without the other
        coder = sending.framed.coder
        try:
            self._arm_timeout()
            stream.send(sending.take_head() + self._kept)
            self._kept = b""
            self.deadline = inf
            if coder is not None:
                for part in sending.parts:
                    if isinstance(part, Subscription):
                        if self._joins(part):
                            return False
                    elif part:
                        self._arm_timeout(len(part))
                        stream.send(coder.data(part))
                        self._unsent, self.deadline = 0, inf
                stream.send(coder.end())
        except BaseException:
            if isinstance(coder, UntilClose):
                stream.reset()  # an orderly end would be that of the whole
            raise
        finally:
            if self._subscription is None:
                self._answer = self._sending = None
                response.close()
        return True

    def _joins(self, subscription: Subscription) -> bool:
        """Hand a feed over to a subscription; return whether that has taken it."""
        self._subscription = subscription
        if not subscription.join(self):
            self._subscription = None
        return self._subscription is not None

    def _resume(self) -> None:
        """Go on with a stream that others have sent for a while, and then with the connection."""
        stream, sending = self._stream, self._sending
        if stream is None or sending is None:
            return
        try:
            if not self._send_stream(stream):
                return
        finally:
            if self._subscription is None:
                sending.request.close()
        if not sending.framed.keep_alive:
            self._linger(stream)
        elif not self._http.ready or self._answer_all(stream):
            self._serve(stream)

    group = None  # each is reached by its own socket

    def receive(self, data: bytes) -> bool:
        """Send data that are shared by many connections; see `brubeck.http.subscription`."""
        sending, stream = self._sending, self._stream
        if sending is None or stream is None or sending.framed.coder is None:
            return False
        coded = sending.framed.coder.data(data)
        try:
            sent = stream.offer(coded)
        except OSError:
            sent = 0  # the next send fails the same way
        self._kept = coded[sent:]
        return sent == len(coded)

    def release(self) -> None:
        """Go on alone."""
        if self._subscription is not None:
            self._subscription = None
            green.spawn(self._run_part, self._resume)

    def _arm_timeout(self, unsent: int = 0) -> None:
        self._unsent = unsent
        self.deadline = self._server.tick + self._server.options.body_timeout

    def _refuse(self, stream: green.Stream, problem: Problem) -> None:
        framed = frame(problem.response(), method="GET", version="1.1", keep_alive=False)
        self._send_whole(stream, framed)
        self._linger(stream)

    def _linger(self, stream: green.Stream) -> None:
        """Let the answer arrive: closing with bytes unread would take it back (RFC 9112, 9.6)."""
        stream.end()
        self.deadline = self._server.tick + _LINGER
        read = 0
        while read < 16 * _READ and (data := stream.recv(_READ)):
            read += len(data)

    # What others do to a connection.

    def expire(self) -> None:
        """End a connection that has waited too long, and say so if it is in the middle."""
        if self._reading and self._http.started and not self._expired:
            self._expired = True
            self.deadline = self._server.tick + _LINGER
            green.spawn(self._time_out)  # a client that does not read must not hold up the sweep
        else:
            self.cut()

    def _time_out(self) -> None:
        problem = Problem(408, "The request was not received in time.")
        framed = frame(problem.response(), method="GET", version="1.1", keep_alive=False)
        with contextlib.suppress(OSError):
            if self._stream is not None:
                self._stream.send(framed.head + framed.body)
        self.cut()

    @property
    def held(self) -> Held:
        """The bytes that are held for the client: of its requests, and of its answer."""
        coming = self._http.held
        return coming if self._reading else coming.plus(self._in_hand, self._unsent)

    @property
    def idle(self) -> bool:
        """Whether the connection only waits for a request, of which nothing has come."""
        return self._reading and not self._http.started and not self._http.ready

    @property
    def is_unfinished(self) -> bool:
        """Whether the connection waits for the rest of a request."""
        return self._reading and self._http.started

    def fileno(self) -> int:
        """Return the descriptor of a connection that would not notice its end; else -1."""
        if self._stream is None or self._reading or self._left:
            return -1
        return self._stream.fileno()

    def left(self) -> None:
        """Note that the client has left while it was not read from."""
        self._left = True
        if self._subscription is not None:
            self._subscription.leave()
            self.release()
        elif self._answer is not None and self._answer.endless:
            green.spawn(self._answer.abandon)

    def is_wanted(self) -> bool:
        """Return whether an answer would still be read, and the server is not about to stop."""
        return not (self._left or self._server.draining)

    def finish(self) -> bool:
        """End the connection if it only waits or follows; return whether a request is in hand."""
        # A request behind a feed has not started, and would not while the feed lasts.
        follows = self._answer is not None and self._answer.endless
        if follows or self.idle:
            self.cut()
            return False
        return True

    def cut(self) -> None:
        """End the connection at once."""
        self.deadline = inf
        if self._stream is not None:
            self._stream.cut()
        if self._subscription is not None:
            self._subscription.leave()
            self.release()
