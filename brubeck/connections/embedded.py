"""The embedded server: HTTP/1.1 on green threads, one a connection.

Rules:

- A connection reads, answers in order and reads again, until one side wants to end it.
- What waits too long is ended by one sweep a second over all connections: it costs nothing while a
  request is handled, and there is no timer to set on the hot path.
- The same sweep asks the kernel who left in the middle of an answer. A feed is then closed, if its
  source can be, and a handler that waits is told when it asks (`Request.may_wait`). Nothing else is
  ended or interrupted: who closed only the half that sends still reads to the end.
- When told to stop, the server takes nothing new, ends what only waits, and lets what is in hand
  finish within the grace. Told again, it ends everything at once.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from math import inf
from typing import Final

import msgspec

from brubeck import green
from brubeck.connections.http1 import Http1, Limits
from brubeck.errors import ConfigError, ProtocolError
from brubeck.http import Problem, Request, Response, StreamingResponse
from brubeck.http.framing import Framed, frame
from brubeck.http.proxies import Client

log = logging.getLogger("brubeck.server")

Respond = Callable[[Request], Response]

_READ: Final = 65_536
_TICK: Final = 1.0
_LOOK: Final = 0.25
_LINGER: Final = 2.0
_SILENCE: Final = 10.0  # seconds between two words on the same trouble
_JOIN: Final = 16_384  # a body up to this size is sent in one piece with its head


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the embedded server behaves; times in seconds."""

    limits: Limits = Limits()
    max_connections: int = 20_000
    head_timeout: float = 15.0
    body_timeout: float = 60.0
    idle_timeout: float = 75.0
    grace: float = 30.0
    certfile: str = ""
    keyfile: str = ""


class EmbeddedServer:
    """Serves HTTP/1.1 on a listening socket; with a certificate, over TLS."""

    def __init__(self, listener: socket.socket, options: ServerOptions | None = None) -> None:
        self.options = options or ServerOptions()
        self.draining = False
        self._hurried = False
        self._silent_until = 0.0
        self.tick = 0.0
        self._listener = listener
        self._connections: set[_Connection] = set()
        self._tls = _tls_context(self.options) if self.options.certfile else None

    def serve(self, respond: Respond) -> None:
        """Answer requests until told to stop, then finish what is in hand."""
        self._listener.settimeout(_LOOK)
        green.spawn(self._sweep)
        while not self.draining:
            if len(self._connections) >= self.options.max_connections:
                green.sleep(0.01)  # the kernel's backlog holds the others for us
            else:
                self._accept(respond)
        self._drain()

    def stop(self) -> None:
        """Stop taking connections; called again, at once. A signal handler may call it."""
        self._hurried = self.draining
        self.draining = True

    def _accept(self, respond: Respond) -> None:
        try:
            sock, address = self._listener.accept()
        except TimeoutError:
            return  # nobody came; time to see whether to stop
        except OSError as reason:
            if self.tick >= self._silent_until:
                log.warning("Cannot take a connection: %s", reason)
                self._silent_until = self.tick + _SILENCE
            green.sleep(0.1)
            return
        client = Client(_host(address), "https" if self._tls else "http")
        green.spawn(_Connection(self, respond, client).run, sock, self._tls)

    def _sweep(self) -> None:
        while not (self.draining and not self._connections):
            green.sleep(_TICK)
            self.tick += _TICK
            busy = {each.fileno(): each for each in list(self._connections)}
            for fileno in green.hung_up(busy):
                busy[fileno].left()
            for connection in [each for each in self._connections if each.deadline < self.tick]:
                try:
                    connection.expire()
                except Exception:
                    log.exception("A connection could not be ended in time.")

    def _drain(self) -> None:
        self._listener.close()
        left = self.options.grace
        while left > 0 and not self._hurried and self._in_hand():
            green.sleep(0.05)
            left -= 0.05
        for connection in list(self._connections):
            connection.cut()

    def _in_hand(self) -> list[_Connection]:
        # Each one is asked: a busy one must not keep the idle ones behind it.
        return [each for each in list(self._connections) if each.finish()]

    def add(self, connection: _Connection) -> None:
        """Note a connection that has begun."""
        self._connections.add(connection)

    def forget(self, connection: _Connection) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(connection)


class _Connection:
    """One client's connection, from accepting it to closing it."""

    __slots__ = (
        *("_answer", "_client", "_expired", "_http", "_left", "_reading", "_respond", "_server"),
        *("_stream", "deadline"),
    )

    def __init__(self, server: EmbeddedServer, respond: Respond, client: Client) -> None:
        self._server = server
        self._respond = respond
        self._client = client
        self._http = Http1(server.options.limits, client)
        self._answer: StreamingResponse | None = None  # while it is being sent
        self._expired = False
        self._left = False
        self._reading = False
        self._stream: green.Stream | None = None
        self.deadline = inf

    def run(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve the connection to its end."""
        server = self._server
        server.add(self)
        with contextlib.suppress(OSError):  # a Unix socket has nothing to delay
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._stream = green.stream(sock)
            if isinstance(sock, ssl.SSLSocket):
                self.deadline = server.tick + server.options.head_timeout
                sock.do_handshake()
            self._serve(self._stream)
        except (OSError, ProtocolError) as reason:
            log.debug("%s: connection ended: %s", self._client.address, reason)
        finally:
            server.forget(self)
            self._http.close()
            if self._stream is not None:
                self._stream.close()
            else:
                sock.close()

    def _serve(self, stream: green.Stream) -> None:
        server, http = self._server, self._http
        options = server.options
        while True:
            if not http.started:
                self.deadline = server.tick + options.idle_timeout
            self._reading = True
            data = stream.recv(_READ)
            self._reading = False
            if not data:
                stream.end()
                return
            began = not http.started
            try:
                http.feed(data)
            except Problem as problem:
                self._answer_all(stream)
                self._refuse(stream, problem)
                return
            if http.ready and not self._answer_all(stream):
                return
            if http.started:
                self._wait_for_more(stream, began=began)

    def _wait_for_more(self, stream: green.Stream, *, began: bool) -> None:
        """Set how long the rest of a request may take: the head in all, the body a piece."""
        server = self._server
        if not self._http.in_head:
            self.deadline = server.tick + server.options.body_timeout
            if line := self._http.continue_line():
                stream.send(line)
        elif began:
            self.deadline = server.tick + server.options.head_timeout

    def _answer_all(self, stream: green.Stream) -> bool:
        """Answer what is ready, in order; tell whether the connection goes on."""
        ready = self._http.ready
        while ready:
            incoming = ready.popleft()
            self.deadline = inf
            request = incoming.request
            request.may_wait = self.may_wait
            response = self._respond(request)
            keep_alive = incoming.keep_alive and not self._server.draining
            framed = frame(
                response, method=request.method, version=request.version, keep_alive=keep_alive
            )
            if isinstance(response, StreamingResponse):
                self._send_stream(stream, response, framed)
            else:
                self._send_whole(stream, framed)
            request.close()
            if not framed.keep_alive:
                self._linger(stream)
                return False
        return True

    def _send_whole(self, stream: green.Stream, framed: Framed) -> None:
        self._hurry()
        if len(framed.body) <= _JOIN:
            stream.send(framed.head + framed.body)
        else:
            stream.send(framed.head)
            stream.send(framed.body)

    def _send_stream(
        self, stream: green.Stream, response: StreamingResponse, framed: Framed
    ) -> None:
        """Send a stream as it is made; what breaks it also breaks the connection."""
        coder = framed.coder
        self._answer = response
        try:
            self._hurry()
            stream.send(framed.head)
            if coder is None:
                return
            for chunk in green.fairly(_made(response)):
                self._hurry()
                stream.send(coder.data(chunk))
                self.deadline = inf
            stream.send(coder.end())
        finally:
            self._answer = None
            response.close()

    def _hurry(self) -> None:
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
            green.spawn(self._time_out)  # who does not read either must not hold up the sweep
        else:
            self.cut()

    def _time_out(self) -> None:
        problem = Problem(408, "The request did not come in time.")
        framed = frame(problem.response(), method="GET", version="1.1", keep_alive=False)
        with contextlib.suppress(OSError):
            if self._stream is not None:
                self._stream.send(framed.head + framed.body)
        self.cut()

    def fileno(self) -> int:
        """Return the descriptor of a connection that would not notice its end; else -1."""
        if self._stream is None or self._reading or self._left:
            return -1
        return self._stream.fileno()

    def left(self) -> None:
        """Note that the client has left while it was not read from."""
        self._left = True
        if self._answer is not None and self._answer.endless:
            green.spawn(self._answer.abandon)

    def may_wait(self) -> bool:
        """Tell whether an answer that is waited for would still be read."""
        return not (self._left or self._server.draining)

    def finish(self) -> bool:
        """End the connection if it only waits or follows; tell whether something is in hand."""
        follows = self._answer is not None and self._answer.endless
        waits = follows or (self._reading and not self._http.started)
        if waits and not self._http.ready:
            self.cut()
            return False
        return True

    def cut(self) -> None:
        """End the connection at once."""
        self.deadline = inf
        if self._stream is not None:
            self._stream.cut()


def _made(response: StreamingResponse) -> Iterator[bytes]:
    """Yield the chunks that say something; what breaks their source is logged as its own."""
    chunks = iter(response.chunks)
    while True:
        try:
            chunk = next(chunks, None)
        except Exception as reason:
            log.exception("A response broke off while it was made.")
            raise ProtocolError("the response broke off") from reason
        if chunk is None:
            return
        if chunk:  # an empty one would say that it was the last
            yield chunk


def _host(address: object) -> str:
    return str(address[0]) if isinstance(address, tuple) else ""


def _tls_context(options: ServerOptions) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(options.certfile, options.keyfile or None)
    except (OSError, ssl.SSLError) as reason:
        hint = "" if options.keyfile else " If its key is in a file of its own, set server.keyfile."
        raise ConfigError(
            f"The certificate {options.certfile} or its key cannot be used: {reason}.{hint}"
        ) from reason
    return context
