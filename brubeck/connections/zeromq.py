"""`ZeroMQConnection`: messages in by PULL, answers of handlers out by PUB or PUSH.

A message is a map, in JSON or msgpack: ``path`` and ``data``, and if wanted ``id``, ``method``
(``POST``) and ``headers``. The answer is a map of ``id``, ``path``, ``status`` (as in HTTP) and
``data``, which the handler rendered; to an invalid message it is a 400 without a path. Over PUB
the path and a space stand before it, so that a subscriber may choose by path.

Nothing is stored: a message lost on the way, or with this process, is lost. `JobsConnection` is
for messages that must not be lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from brubeck import green
from brubeck.connections.messages import (
    MAX_BYTES,
    Codec,
    Message,
    read_message,
    write_message,
)
from brubeck.errors import ConfigError, ProtocolError
from brubeck.green import Closed
from brubeck.http import Request, Response

if TYPE_CHECKING:
    from brubeck.green.zeromq import ZMQSocket

log = logging.getLogger("brubeck.jobs")

Respond = Callable[[Request], Response]
Pattern = Literal["PUB", "PUSH"]

MOST_UNREAD: Final = 50
"""The number of messages of a sender that wait here; further ones wait with it."""

MOST_UNSENT: Final = 1000
"""The number of answers that wait for a slow receiver; PUB drops further ones, PUSH waits."""

LONGEST: Final = 2 * MAX_BYTES
"""How many bytes of a message are received; one that is longer gets no answer."""

_LOOK: Final = 0.25


class ZeroMQConnection:
    """Messages that are pushed to ``receive``, and answers at ``send``, if given.

    Both are ZeroMQ addresses (``tcp://127.0.0.1:9990``, ``ipc://…``), which are bound, or with
    ``bind=False`` connected to. ``pattern`` is the kind of the answers' socket, ``codec`` the
    encoding of messages. At most ``concurrency`` are answered at once; ``grace`` seconds are left
    to them by `stop`.
    """

    def __init__(
        self,
        receive: str,
        send: str | None = None,
        *,
        pattern: Pattern = "PUB",
        codec: Codec = "json",
        bind: bool = True,
        concurrency: int = 100,
        grace: float = 30.0,
    ) -> None:
        if pattern not in ("PUB", "PUSH"):
            raise ConfigError(f'Answers go out by "PUB" or "PUSH", not by {pattern!r}.')
        if codec not in ("json", "msgpack"):
            raise ConfigError(f'Messages are "json" or "msgpack", not {codec!r}.')
        self.receive, self.send = receive, send
        self._pattern, self._codec, self._bind = pattern, codec, bind
        self._concurrency = concurrency
        self._grace = grace
        self._stopping = self._hurried = False
        self.ready = green.Event()

    def serve(self, respond: Respond) -> None:
        """Answer messages until `stop`, then finish those in hand and return."""
        incoming = self._open("PULL", self.receive)
        outgoing = None if self.send is None else self._open(self._pattern, self.send)
        pool = green.Pool(self._concurrency)  # only now: the process has its engine
        self.ready.set()
        try:
            while not self._stopping:
                # A receiver that takes no answers holds up messages, but not the end.
                if pool.has_place(_LOOK) and incoming.poll(_LOOK):
                    pool.spawn(self._answer, incoming.recv(), respond, outgoing)
            self._finish(pool)
        finally:
            incoming.close()
            if outgoing is not None:
                outgoing.close()

    def stop(self) -> None:
        """Take no more messages; called again, at once. A signal handler may call it."""
        self._hurried = self._stopping
        self._stopping = True

    def _open(self, kind: str, address: str) -> ZMQSocket:
        opened = green.zmq_socket(kind, sndhwm=MOST_UNSENT, rcvhwm=MOST_UNREAD, longest=LONGEST)
        if self._bind:
            opened.bind(address)
        else:
            opened.connect(address)
        return opened

    def _finish(self, pool: green.Pool) -> None:
        left = self._grace
        while left > 0 and not self._hurried and not pool.join(_LOOK):
            left -= _LOOK

    def _answer(self, raw: bytes, respond: Respond, outgoing: ZMQSocket | None) -> None:
        try:
            message = read_message(raw, self._codec)
            request = message.request(None)
        except ProtocolError as reason:
            log.warning("A message from %s makes no sense: %s", self.receive, reason)
            message, response = Message(path=""), Response(str(reason), 400)
        else:
            response = _response(request, respond)
        if outgoing is not None:
            self._send(outgoing, message, response)

    def _send(self, outgoing: ZMQSocket, message: Message, response: Response) -> None:
        answer = {"id": message.id, "path": message.path, "status": response.status}
        try:
            written = write_message(answer | {"data": _data(response)}, self._codec)
        except (TypeError, ValueError):
            log.exception("%s %s has an answer that cannot be written", message.path, message.id)
            written = write_message(answer | {"status": 500, "data": None}, self._codec)
        if self._pattern == "PUB":
            written = message.path.encode() + b" " + written
        try:
            outgoing.send(written)
        except Closed:
            log.warning("The answer to %s %s came too late.", message.path, message.id)


def _response(request: Request, respond: Respond) -> Response:
    try:
        return respond(request)
    except Exception:
        log.exception("%s failed, message %s", request.path, request.id)
        return Response(b"null", 500)


def _data(response: Response) -> Any:
    """Return the rendered data of a response: the value of its JSON, or its text."""
    body = bytes(response.body)
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")
