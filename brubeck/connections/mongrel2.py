"""Requests from Mongrel2 over ZeroMQ, and the answers back to it.

Mongrel2 binds a PUSH socket for requests and a SUB socket for replies; any number of programs
connect to them. Rules:

- One thread receives and never waits for a client; each request is answered on a green thread of
  its own, at most ``pool_size`` of them at once. Up to `BACKLOG` more wait; the rest get a 503.
- Mongrel2 hands on pipelined requests at once, so those of one connection are answered one after
  the other, in their order.
- A message that cannot be read is logged and dropped.
- A connection id that comes back while a feed goes to it belongs to somebody else: Mongrel2 was
  started anew. The feed ends unsent.

What Mongrel2 does by itself, and how to set it up, is in ``docs/mongrel2.md``.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

from brubeck import green
from brubeck.connections.mongrel2_answers import Answerer, Respond
from brubeck.connections.mongrel2_messages import MAX_TARGETS, NOBODY, Message, parse_message
from brubeck.connections.mongrel2_neighbours import Neighbours
from brubeck.connections.mongrel2_replies import Gone, Outbox, Outgoing
from brubeck.connections.mongrel2_requests import Peer, Uploads, is_http, is_upload_start
from brubeck.connections.pacing import CREDITS, CreditWindow, EstimatedWindow, Window
from brubeck.errors import ProtocolError
from brubeck.http.framing import frame
from brubeck.http.problems import Problem

if TYPE_CHECKING:
    from brubeck.green.zeromq import ZMQSocket

log = logging.getLogger("brubeck.server")

BACKLOG: Final = 10_000
"""How many requests may wait for a place in the pool."""

MAX_PIPELINED: Final = 100
"""How many requests of one connection may wait for the one before them."""

_TURN: Final = 32  # messages received before others get their turn


class _Client:
    """A connection on which requests wait or are answered, or bytes are on their way."""

    __slots__ = ("busy", "inbox", "outbox")

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.inbox: deque[Message] = deque()
        self.busy = False


class Mongrel2Connection:
    """The link to one handler of a Mongrel2 (or of several with the same addresses).

    ``send_spec`` is where Mongrel2 sends requests, ``recv_spec`` where it receives replies, as in
    its own configuration. ``upload_dir`` is the directory of its ``upload.temp_store`` as this
    process sees it (default: the system's directory for temporary files), ``max_body`` the largest
    body in bytes that is read. Times are in seconds:
    ``grace_seconds`` is what `stop` leaves to requests in hand, ``patience`` how long a client may
    take nothing, and every ``beat_seconds`` Mongrel2 is told that open answers are alive, since
    otherwise it closes what is quiet for two minutes. ``ready`` is set once requests can come.
    """

    def __init__(
        self,
        send_spec: str,
        recv_spec: str,
        *,
        sender_id: str | None = None,
        pool_size: int = 1000,
        upload_dir: str | os.PathLike[str] | None = None,
        max_body: int | None = None,
        grace_seconds: float = 10,
        patience: float = 60,
        beat_seconds: float = 15,
    ) -> None:
        self.send_spec = send_spec
        self.recv_spec = recv_spec
        self.pool_size = pool_size
        self._identity = (sender_id or "").encode()
        self._uploads = Uploads(upload_dir, max_body=max_body)
        self._grace, self._patience, self._beat = grace_seconds, patience, beat_seconds
        self._clients: dict[tuple[bytes, bytes], _Client] = {}
        self._crediting: dict[bytes, int] = {}
        self._backlog: deque[_Client] = deque()
        self._working = 0
        self._lock = green.Lock()
        self.ready = green.Event()
        self._stopping = green.Event()
        self._outgoing: Outgoing | None = None
        self._neighbours = Neighbours(send_spec)

    # The life of the connection.

    def serve(self, respond: Respond) -> None:
        """Answer requests until `stop`, then finish what is in hand and return.

        ``respond`` makes the response to a request; what it raises is logged and becomes a 500.
        """
        self._outgoing = outgoing = Outgoing(self.recv_spec, identity=self._identity)
        green.spawn(outgoing.follow, self._front_gone)
        while not outgoing.wait_subscribed(0.2):
            if self._stopping.is_set():
                outgoing.close()
                return
        self._neighbours.listen(self._take_passed_on)
        requests = green.zmq_socket("PULL", identity=self._identity)
        requests.connect(self.send_spec)
        self.ready.set()
        green.spawn(self._keep_alive, outgoing)
        try:
            self._receive(requests, Answerer(respond, self._uploads, self._stopping))
        finally:
            requests.close()
            for client in self._drop_all():
                client.outbox.cut()
            self._neighbours.close()
            outgoing.close()

    def stop(self) -> None:
        """Let `serve` finish what is in hand and return; from any thread or signal handler."""
        self._stopping.set()

    def send_many(self, sender: bytes, ids: Sequence[bytes], payload: bytes) -> None:
        """Send the same bytes to many connections of one Mongrel2, in messages of at most 128.

        This goes past what else is due to them; the caller sees to their order and number.
        """
        if self._outgoing is None:
            raise Gone
        for start in range(0, len(ids), MAX_TARGETS):
            self._outgoing.send(sender, ids[start : start + MAX_TARGETS], payload)

    def _receive(self, requests: ZMQSocket, answerer: Answerer) -> None:
        until: float | None = None
        turn = 0
        while True:
            if self._stopping.is_set():
                if until is None:
                    until = monotonic() + self._grace
                    self._end_feeds()
                if self._is_quiet() or monotonic() > until:
                    return
            if requests.poll(0.5 if until is None else 0.02):
                self._take(requests.recv(), answerer)
                turn = (turn + 1) % _TURN
                if not turn:
                    green.sleep(0)

    def _keep_alive(self, outgoing: Outgoing) -> None:
        while not self._stopping.wait(self._beat):
            open_ids: dict[bytes, list[bytes]] = {}
            with self._lock:
                for sender, conn_id in self._clients:
                    open_ids.setdefault(sender, []).append(conn_id)
            for sender, ids in open_ids.items():
                outgoing.control(sender, ids, "keep-alive")

    # Messages.

    def _take(self, data: bytes, answerer: Answerer) -> None:
        try:
            message = parse_message(data)
        except ProtocolError as reason:
            log.warning("Dropped a message from %s: %s", self.send_spec, reason)
            return
        if message.is_notice:
            if not self._take_notice(message):
                self._neighbours.tell(data)
        elif not is_http(message):
            self._send_empty(message)
        elif not is_upload_start(message):
            self._take_request(message, answerer)

    def _take_passed_on(self, data: bytes) -> None:
        """Take a notice that another program was given."""
        with suppress(ProtocolError):
            message = parse_message(data)
            if message.is_notice:
                self._take_notice(message)

    def _take_notice(self, message: Message) -> bool:
        """Tell a client's outbox of it, and return whether there is one."""
        key, credited = (message.sender, message.conn_id), message.credits
        if message.conn_id == NOBODY and self._outgoing is not None:
            return self._outgoing.taken()
        if credited is not None:
            self._crediting.setdefault(message.sender, CREDITS)
        with self._lock:
            left = credited is None
            client = self._clients.pop(key, None) if left else self._clients.get(key)
        if client is None:
            return False
        if credited is not None:
            client.outbox.credited(credited)
            self._forget_if_done(client.outbox)
        else:
            client.inbox.clear()
            client.outbox.left()
        return True

    def _send_empty(self, message: Message) -> None:
        log.info("Closed a connection that does not speak HTTP: %s.", message.words["METHOD"])
        self.send_many(message.sender, [message.conn_id], b"")

    def _take_request(self, message: Message, answerer: Answerer) -> None:
        key = message.sender, message.conn_id
        announced = message.words.get("DOWNLOAD_CREDITS")
        if announced and announced.isdigit():
            self._crediting[message.sender] = int(announced)
        stale = None
        with self._lock:
            client = self._clients.get(key)
            if client is not None and (announced or client.outbox.endless):
                stale, client = client, None
            if client is None:
                client = self._clients[key] = _Client(self._new_outbox(message.sender, key[1]))
            else:
                client.outbox.asked()
            client.inbox.append(message)
            start, refused = self._place(client)
        if stale is not None:
            stale.inbox.clear()
            stale.outbox.left()
        if start:
            green.spawn(self._work, client, answerer)
        elif refused:
            self._refuse(key, client)

    def _place(self, client: _Client) -> tuple[bool, bool]:
        """Return whether a new thread is to serve the client, and whether there are too many."""
        if client.busy:
            return False, len(client.inbox) > MAX_PIPELINED
        if self._working < self.pool_size:
            client.busy = True
            self._working += 1
            return True, False
        if len(self._backlog) >= BACKLOG:
            return False, True
        client.busy = True
        self._backlog.append(client)
        return False, False

    def _refuse(self, key: tuple[bytes, bytes], client: _Client) -> None:
        with self._lock:
            self._clients.pop(key, None)
        client.inbox.clear()
        if client.busy:
            client.outbox.cut()
            return
        problem = Problem(503, "Too many requests are waiting.", headers={"Retry-After": "1"})
        framed = frame(problem.response(), method="GET", version="1.1", keep_alive=False)
        client.outbox.write(framed.head + framed.body)
        client.outbox.close()

    def _new_outbox(self, sender: bytes, conn_id: bytes) -> Outbox:
        if self._outgoing is None:
            raise Gone
        credits_ = self._crediting.get(sender)
        window: Window = EstimatedWindow() if credits_ is None else CreditWindow(credits_)
        return Outbox(
            Peer(sender, conn_id),
            window,
            self._outgoing,
            drained=self._forget_if_done,
            patience=self._patience,
        )

    # Answers.

    def _work(self, client: _Client, answerer: Answerer) -> None:
        """Serve one client, and then whoever waits for a place."""
        while True:
            try:
                self._serve_client(client, answerer)
            finally:
                with self._lock:
                    waiting = self._backlog.popleft() if self._backlog else None
                    if waiting is None:
                        self._working -= 1
            if waiting is None:
                return
            client = waiting

    def _serve_client(self, client: _Client, answerer: Answerer) -> None:
        while True:
            with self._lock:
                if not client.inbox:
                    client.busy = False
                    break
                message = client.inbox.popleft()
            try:
                answerer.answer(message, client.outbox)
            except Gone:
                client.inbox.clear()
        self._forget_if_done(client.outbox)

    def _forget_if_done(self, outbox: Outbox) -> None:
        key = outbox.peer.sender, outbox.peer.conn_id
        with self._lock:
            client = self._clients.get(key)
            if client is None or client.outbox is not outbox or client.busy:
                return
            if outbox.empty:
                del self._clients[key]

    # The end.

    def _front_gone(self) -> None:
        """Forget everybody: Mongrel2 is gone, and will give their ids to others."""
        for client in self._drop_all():
            client.inbox.clear()
            client.outbox.left()

    def _drop_all(self) -> list[_Client]:
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        return clients

    def _end_feeds(self) -> None:
        with self._lock:
            feeds = [each for each in self._clients.values() if each.outbox.endless]
        for client in feeds:
            client.outbox.end_feed()

    def _is_quiet(self) -> bool:
        with self._lock:
            return not self._working and all(
                client.outbox.empty for client in self._clients.values()
            )
