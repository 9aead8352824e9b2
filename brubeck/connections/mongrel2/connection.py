"""Requests from Mongrel2 over ZeroMQ, and the answers back to it.

Mongrel2 binds a PUSH socket for requests and a SUB socket for replies; any number of programs
connect to them. One thread receives here, and never waits for a client. A message that cannot be
read is logged and dropped.

What Mongrel2 does by itself, and how to set it up, is in ``docs/mongrel2.md``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

from brubeck import green
from brubeck.connections.mongrel2.answers import Answerer, Respond
from brubeck.connections.mongrel2.clients import MAX_HELD, MAX_SPOOLED, Clients
from brubeck.connections.mongrel2.messages import MAX_TARGETS, NOBODY, Message, parse_message
from brubeck.connections.mongrel2.multicast import Multicast
from brubeck.connections.mongrel2.pacing import CREDITS, CreditWindow, EstimatedWindow, Window
from brubeck.connections.mongrel2.peers import Peers
from brubeck.connections.mongrel2.replies import Gone, Outbox, Outgoing
from brubeck.connections.mongrel2.requests import Peer, Uploads, is_http, is_upload_start
from brubeck.errors import ProtocolError
from brubeck.http.problems import Problem

if TYPE_CHECKING:
    from brubeck.green.zeromq import ZMQSocket

log = logging.getLogger("brubeck.server")

_LOOK: Final = 1.0  # seconds between two looks at what is held for all clients
_TURN: Final = 32  # messages received before others get their turn


class Mongrel2Connection:
    """The link to one handler of a Mongrel2.

    ``send_spec`` is where Mongrel2 sends requests, ``recv_spec`` where it receives replies, as
    in its own configuration. ``sender_id`` names our sockets. At most ``pool_size`` requests
    are answered at once. ``upload_dir`` is the directory of Mongrel2's ``upload.temp_store`` as
    this process sees it (default: the system's directory for temporary files), ``max_body`` the
    most bytes of a body that are accepted, ``max_held`` those of all requests in memory,
    ``max_spooled`` those of all their stored bodies. Times are in seconds: ``grace_seconds`` is the
    time that `stop` leaves to requests in hand; ``patience`` is how long a client may take nothing
    (known only where Mongrel2 has ``download.flow_control``); every ``beat_seconds`` Mongrel2 gets
    a sign of life for open answers, since it closes connections that are quiet for two minutes.

    ``ready`` is set once requests can come; from then on ``clients`` are those in hand.
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
        max_held: int = MAX_HELD,
        max_spooled: int = MAX_SPOOLED,
        grace_seconds: float = 10,
        patience: float = 60,
        beat_seconds: float = 15,
    ) -> None:
        self.send_spec = send_spec
        self.recv_spec = recv_spec
        self.pool_size = pool_size
        self._max_held, self._max_spooled = max_held, max_spooled
        self.ready = green.Event()
        self._identity = (sender_id or "").encode()
        self._uploads = Uploads(upload_dir, max_body=max_body)
        self._grace, self._patience, self._beat = grace_seconds, patience, beat_seconds
        self._peers = Peers(send_spec)
        self._credits: dict[bytes, int] = {}
        self._stopping = green.Event()
        self._outgoing: Outgoing | None = None
        self._together: Multicast | None = None

    def serve(self, respond: Respond) -> None:
        """Answer requests until `stop`, then finish those in hand and return.

        ``respond`` makes the response to a request; an exception in it is logged and becomes a
        500.
        """
        self._outgoing = outgoing = Outgoing(self.recv_spec, identity=self._identity)
        self._together = Multicast(outgoing)
        answerer = Answerer(respond, self._uploads, self._stopping)
        self.clients = clients = Clients(
            self.pool_size,
            self._open_outbox,
            answerer.answer,
            self._uploads.discard,
            size_stored=self._uploads.size,
            max_held=self._max_held,
            max_spooled=self._max_spooled,
        )
        green.spawn(outgoing.follow, clients.forget_all)
        while not outgoing.wait_subscribed(0.2):
            if self._stopping.is_set():
                outgoing.close()
                return
        self._peers.listen(self._take_passed_on)
        requests = green.zmq_socket("PULL", identity=self._identity)
        requests.connect(self.send_spec)
        green.spawn(self._keep_alive, outgoing)
        green.spawn(self._keep_within_bounds)
        self.ready.set()
        try:
            self._receive(requests)
        finally:
            requests.close()
            clients.cut_all()
            self._peers.close()
            outgoing.close()

    def stop(self) -> None:
        """Let `serve` finish the requests in hand and return; called again, at once.

        Any thread or signal handler may call it.
        """
        if self._stopping.is_set():
            self._grace = 0
        self._stopping.set()

    def send_many(self, sender: bytes, ids: Sequence[bytes], payload: bytes) -> None:
        """Send the same bytes to many connections of one Mongrel2, in messages of at most 128.

        This goes past what else is due to them; the caller sees to their order and number.
        """
        if self._outgoing is None:
            raise Gone
        for start in range(0, len(ids), MAX_TARGETS):
            self._outgoing.send(sender, ids[start : start + MAX_TARGETS], payload)

    def _receive(self, requests: ZMQSocket) -> None:
        since: float | None = None
        turn = 0
        while True:
            if self._stopping.is_set():
                if since is None:
                    since = monotonic()
                    self.clients.end_feeds()
                if self.clients.is_quiet or monotonic() > since + self._grace:
                    return
            if requests.poll(0.5 if since is None else 0.02):
                self._take_safely(requests.recv())
                turn = (turn + 1) % _TURN
                if not turn:
                    green.sleep(0)

    def _keep_alive(self, outgoing: Outgoing) -> None:
        green.supervise(lambda: self._keep_alive_once(outgoing), "Keeping connections alive")

    def _keep_alive_once(self, outgoing: Outgoing) -> bool:
        if self._stopping.wait(self._beat):
            return False
        alive: dict[bytes, list[bytes]] = {}
        for peer in self.clients.peers():
            alive.setdefault(peer.sender, []).append(peer.conn_id)
        for sender, ids in alive.items():
            outgoing.keep_alive(sender, ids)
        return True

    def _keep_within_bounds(self) -> None:
        green.supervise(self._end_excess, "Ending connections for which too much is held")

    def _end_excess(self) -> bool:
        if self._stopping.wait(_LOOK):
            return False
        self.clients.end_excess()
        return True

    # Messages.

    def _take_safely(self, data: bytes) -> None:
        try:
            self._take(data)
        except ProtocolError as reason:
            log.warning("Dropped a message from %s: %s", self.send_spec, reason)
        except Exception:
            log.exception("Dropped a message from %s: %r", self.send_spec, data[:200])

    def _take(self, data: bytes) -> None:
        message = parse_message(data)
        if message.is_notice:
            if not self._take_notice(message):
                self._peers.broadcast(data)
        elif is_upload_start(message):
            self._take_announced(message)
        elif not is_http(message):
            log.info("Closed a connection that speaks %s.", message.words["METHOD"])
            self._uploads.discard(message)
            self.send_many(message.sender, [message.conn_id], b"")
        else:
            announced = message.words.get("DOWNLOAD_CREDITS", "")
            if announced.isdigit():
                self._credits[message.sender] = int(announced)
            says = message.sender in self._credits
            self.clients.ask(message, new=bool(announced) if says else None)

    def _take_announced(self, message: Message) -> None:
        """Refuse a body that will be too large; else the request comes again with its body."""
        try:
            self._uploads.check_announced(message)
        except Problem as problem:
            self.clients.refuse(message, problem)

    def _take_passed_on(self, data: bytes) -> None:
        """Take a notice that another program was given."""
        with suppress(ProtocolError):
            message = parse_message(data)
            if message.is_notice:
                self._take_notice(message)

    def _take_notice(self, message: Message) -> bool:
        """Take a notice of Mongrel2 about a client, and return whether it was meant for us."""
        peer, credited = Peer(message.sender, message.conn_id), message.credits
        if peer.conn_id == NOBODY and self._outgoing is not None:
            return self._outgoing.taken()
        if credited is None:
            return self.clients.left(peer)
        self._credits.setdefault(peer.sender, CREDITS)
        return self.clients.credited(peer, credited)

    def _open_outbox(self, peer: Peer) -> Outbox:
        if self._outgoing is None:
            raise Gone
        size = self._credits.get(peer.sender)
        window: Window = EstimatedWindow() if size is None else CreditWindow(size)
        return Outbox(
            peer,
            window,
            self._outgoing,
            drained=self.clients.forget_if_done,
            group=self._together,
            patience=self._patience,
        )
