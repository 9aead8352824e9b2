"""The replies to Mongrel2: one socket for all, and one outbox for each client.

Rules:

- ZeroMQ drops messages that are published before the other side has subscribed. So the socket is an
  XPUB, which hears of subscriptions, and nothing leaves before there is one.
- ZeroMQ queues without a limit here, so the limit is ours: a message to nobody, which Mongrel2
  answers with a notice, shows that everything sent before it has been taken.
- Everything due to a client is joined into as few messages as its window allows.
- A client that takes nothing for `patience` seconds is cut: what waits here for it is dropped, and
  its connection ends after what Mongrel2 has already. Mongrel2 could be told to ``cancel`` it, but
  then writes that data to whoever is given its file descriptor next.
- A cut answer never looks complete.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Final

from brubeck import green
from brubeck.connections.mongrel2.messages import (
    MAX_TARGETS,
    NOBODY,
    encode_keep_alive,
    encode_reply,
)
from brubeck.connections.mongrel2.pacing import Window
from brubeck.connections.mongrel2.requests import Peer
from brubeck.http.framing import BodyCoder
from brubeck.http.response import StreamingResponse
from brubeck.http.subscription import Group, Subscription

log = logging.getLogger("brubeck.server")

MAX_UNTAKEN: Final = 64 * 1024 * 1024
"""The bytes that may wait between us and Mongrel2, all clients together."""


_TAKEN_WITHIN: Final = 5.0  # seconds; a program elsewhere may be given the notice


class Gone(Exception):
    """The client has left, or was cut."""


class Outgoing:
    """The socket that Mongrel2 is subscribed to; any thread may send."""

    def __init__(self, recv_spec: str, *, identity: bytes = b"") -> None:
        self._socket = green.zmq_socket("XPUB", identity=identity)
        self._socket.connect(recv_spec)
        self._lock = green.Lock()
        self._subscribed = green.Event()
        self._untaken = self._probed = 0
        self._sender = b""
        self._probed_at = 0.0

    def follow(self, front_gone: Callable[[], None]) -> None:
        """Follow the subscriptions until the socket is closed."""
        green.supervise(lambda: self._follow_once(front_gone), "Following subscriptions")

    def _follow_once(self, front_gone: Callable[[], None]) -> None:
        if self._socket.recv()[:1] == b"\1":
            self._subscribed.set()
        else:
            self._subscribed.clear()
            front_gone()

    def wait_subscribed(self, seconds: float) -> bool:
        """Wait at most ``seconds`` until Mongrel2 listens, and return whether it does."""
        return self._subscribed.wait(seconds)

    @property
    def ready(self) -> bool:
        """Whether anything should be sent now."""
        if self._untaken > MAX_UNTAKEN and monotonic() > self._probed_at + _TAKEN_WITHIN:
            log.warning("Mongrel2 does not say that it takes what is sent; going on without.")
            self.taken()
        return self._subscribed.is_set() and self._untaken <= MAX_UNTAKEN

    def send(self, sender: bytes, ids: Sequence[bytes], payload: bytes) -> None:
        """Send bytes to connections, at most `MAX_TARGETS`; an empty payload ends them."""
        with self._lock:
            self._untaken += len(payload)
            self._sender = sender
            asks = self._asks()
        self._send(encode_reply(sender, ids, payload))
        if asks:
            self.keep_alive(sender, [NOBODY])

    def _asks(self) -> bool:
        """Return whether a probe of Mongrel2's progress is due; called with the lock held."""
        if self._probed or self._untaken <= MAX_UNTAKEN // 2:
            return False
        self._probed, self._probed_at = self._untaken, monotonic()
        return True

    def keep_alive(self, sender: bytes, ids: Sequence[bytes]) -> None:
        """Send a sign of life of any number of connections."""
        for start in range(0, len(ids), MAX_TARGETS):
            self._send(encode_keep_alive(sender, ids[start : start + MAX_TARGETS]))

    def _send(self, message: bytes) -> None:
        try:
            self._socket.send(message)
        except green.Closed:
            raise Gone from None

    def taken(self) -> bool:
        """Note that Mongrel2 has taken everything up to the probe; return whether there was one."""
        with self._lock:
            asked = self._probed > 0
            self._untaken -= self._probed
            self._probed = 0
            # More may have been sent since than may wait. Then nobody sends, so nobody would ask.
            again = self._asks()
        if again:
            self.keep_alive(self._sender, [NOBODY])
        return asked

    def close(self) -> None:
        """Close the socket; sent messages still leave."""
        self._socket.close()


class Outbox:
    """The data due to one client, sent as its window allows; any thread may use it.

    ``drained`` is called when the last of it was sent later than it was written. ``group`` reaches
    many clients at once.
    """

    def __init__(
        self,
        peer: Peer,
        window: Window,
        outgoing: Outgoing,
        *,
        drained: Callable[[Outbox], None],
        group: Group | None = None,
        patience: float = 60,
    ) -> None:
        self.peer = peer
        self.group = group
        self.gone = False
        self._left = self._was_cut = False
        self._window = window
        self._outgoing = outgoing
        self._drained = drained
        self._patience = patience
        self._answering = False
        self._changed = green.Condition()
        self._buffer = bytearray()
        self._writing = 0
        self._closing = False
        self._timer = False
        self._stream: StreamingResponse | None = None
        self._coder: BodyCoder | None = None
        self._subscription: Subscription | None = None
        self._released = True
        self._on_release: Callable[[], None] | None = None

    @property
    def empty(self) -> bool:
        """Whether all of it was sent and, as far as anybody can know, has arrived.

        After a cut, only once the client has left.
        """
        arrived = not self._buffer and self._window.finalized
        return self._left or (arrived and not self._was_cut)

    @property
    def unsent(self) -> bool:
        """Whether some of it still waits here."""
        return bool(self._buffer) and not self.gone

    @property
    def waiting(self) -> int:
        """The bytes in memory that wait for the client: here, and of the piece in hand."""
        return len(self._buffer) + self._writing

    def asked(self) -> None:
        """Note a request; one that follows a whole answer shows that the answer was read."""
        with self._changed:
            if not self._answering and not self._buffer:
                self._window.reset()

    def write(self, data: bytes, *, last: bool = False) -> None:
        """Send data, now or with later data; wait while too much waits. Raises `Gone`.

        ``last`` says that the answer to a request ends with it.
        """
        with self._changed:
            if self.gone or self._closing:
                raise Gone
            self._answering = not last
            self._buffer += data
            self._flush()
            self._writing = len(data)
            while len(self._buffer) >= self._window.capacity and not self.gone:
                if not self._changed.wait(self._patience):
                    log.info("A client of Mongrel2 took nothing for %s s.", self._patience)
                    self._cut()
            self._writing = 0
            if self.gone:
                raise Gone

    def end_with(self, data: bytes) -> None:
        """Send data as the last of the connection; waits for nobody."""
        with self._changed:
            if not self._closing:
                self._buffer += data
                self._closing = True
                self._flush()

    def stream(
        self,
        response: StreamingResponse,
        parts: Iterator[bytes | Subscription],
        coder: BodyCoder,
    ) -> bool:
        """Send the chunks of a response, to the end or until the client is `Gone`.

        What a chunk raises goes through, after the connection was ended early: after what was
        written, where the other end can tell that more was to come, else at once.

        Return whether it came to its end. Otherwise a subscription has taken it; called again once
        it is released, it goes on with the parts.
        """
        self._stream, self._coder = response, coder
        try:
            for part in parts:
                if isinstance(part, Subscription):
                    if self._joins(part):
                        return False
                elif part:
                    self.write(coder.data(part))
            self.write(coder.end(), last=True)
        except Gone:
            raise
        except BaseException:
            if coder.header is None:
                self.cut()
            else:
                self.close()
            raise
        finally:
            if self._subscription is None:
                self._stream = None
        return True

    # Among many.

    def _joins(self, subscription: Subscription) -> bool:
        self._subscription, self._released = subscription, False
        if subscription.join(self):
            return True
        self._subscription, self._released = None, True
        return False

    def take(self, data: bytes) -> bytes:
        """Return the coded data if they may be sent right now; empty if they have to wait."""
        with self._changed:
            if self.gone or self._closing or self._buffer or self._coder is None:
                return b""
            coded = self._coder.data(data)
            now = monotonic()
            if not self._outgoing.ready or self._window.room(len(coded), now) < len(coded):
                return b""
            self._window.sent(len(coded), now)
            return coded

    def receive(self, data: bytes) -> bool:
        """Send data now or soon; False when the client has more to take than it should."""
        with self._changed:
            if self.gone or self._closing or self._coder is None:
                return True  # the caller that ended it lets it go
            self._buffer += self._coder.data(data)
            self._flush()
            return len(self._buffer) < self._window.capacity

    def release(self) -> None:
        """Go on alone."""
        with self._changed:
            if self._subscription is None:
                return
            self._subscription, self._released = None, True
            go_on, self._on_release = self._on_release, None
        if go_on is not None:
            go_on()

    def when_released(self, go_on: Callable[[], None]) -> None:
        """Have something done once the client is no longer among many."""
        with self._changed:
            if not self._released:
                self._on_release = go_on
                return
        go_on()

    def _leave_share(self) -> None:
        subscription = self._subscription
        if subscription is not None:
            subscription.leave()
            self.release()

    @property
    def endless(self) -> bool:
        """Whether a feed is being sent that does not end by itself."""
        stream = self._stream
        return stream is not None and stream.endless

    def end_feed(self) -> None:
        """End a feed now, as if its source had ended, and the connection with it."""
        with self._changed:
            if self.endless and self._coder is not None and not self.gone:
                self._buffer += self._coder.end()
                self.close()
        self._leave_share()
        self._close_stream()

    def close(self) -> None:
        """End the connection as soon as everything was sent."""
        with self._changed:
            self._closing = True
            self._flush()

    def cut(self) -> None:
        """End the connection; data that wait here are not sent."""
        with self._changed:
            self._cut()
        self._leave_share()

    def _cut(self) -> None:
        if not self.gone:
            self._was_cut = True
            self._end()

    def _end(self) -> None:
        self._mark_gone()
        self._outgoing.send(self.peer.sender, [self.peer.conn_id], b"")

    def left(self) -> None:
        """Note that the client has left."""
        with self._changed:
            self._left = True
            self._mark_gone()
        if self._subscription is not None:
            self._leave_share()
        else:
            self._close_stream()

    def credited(self, size: int) -> None:
        """Note that a message of this size has reached the client."""
        with self._changed:
            self._window.credited(size)
            self._flush()

    def _mark_gone(self) -> None:
        self.gone = True
        self._buffer.clear()
        self._changed.notify_all()

    def _close_stream(self) -> None:
        if self._stream is not None:
            green.spawn(self._stream.abandon)

    def _flush(self) -> None:
        """Send as much as the window allows; called with the lock held."""
        while self._buffer and not self.gone:
            now = monotonic()
            ready = self._outgoing.ready
            size = self._window.room(len(self._buffer), now) if ready else 0
            if not size:
                self._flush_after(self._window.retry_after(now) if ready else 0.05)
                return
            payload = bytes(memoryview(self._buffer)[:size])
            del self._buffer[:size]
            self._window.sent(size, now)
            self._outgoing.send(self.peer.sender, [self.peer.conn_id], payload)
            self._changed.notify_all()
        if self._closing and not self.gone:
            self._end()

    def _flush_after(self, seconds: float | None) -> None:
        if seconds is not None and not self._timer:
            self._timer = True
            green.spawn(self._flush_later, seconds)

    def _flush_later(self, seconds: float) -> None:
        green.sleep(seconds)
        with self._changed:
            self._timer = False
            self._flush()
        if self.empty:
            self._drained(self)
