"""The clients of a Mongrel2 with requests in hand, and the slots in which they are served.

Rules:

- Only clients with something in hand are known: a request waiting or being answered, or bytes on
  their way. A client is forgotten after its answer, and one that was cut when it has left: until
  then Mongrel2 gets signs of life for it. It would end the connection too early otherwise, when
  bytes of it could still reach the next client (see ``docs/mongrel2.md``).
- Mongrel2 hands on pipelined requests at once, so those of one connection are answered one after
  the other, in their order.
- At most ``pool_size`` clients are served at once, each on a green thread. Up to `BACKLOG` more
  wait for a slot; the rest get a 503.
- The requests that wait or are answered, and their unread answers, have `max_held` bytes in memory
  and `max_spooled` in files together. Past that, the connections end on which one has been in
  hand for longest: the others are about to be answered.
- A connection id that comes back as a new one belongs to another client: Mongrel2 was restarted.
  What is sent to the former ends unsent. Without ``download.flow_control`` Mongrel2 does not say
  which is new, and a request while a feed goes to its connection is taken for one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from operator import attrgetter
from time import monotonic
from typing import Final

from brubeck import green
from brubeck.connections.mongrel2.client import Client, Discard, Rest, Taken, size_of
from brubeck.connections.mongrel2.messages import Message
from brubeck.connections.mongrel2.replies import Gone, Outbox
from brubeck.connections.mongrel2.requests import Peer
from brubeck.http.framing import frame
from brubeck.http.problems import Problem

log = logging.getLogger("brubeck.server")

BACKLOG: Final = 10_000
"""How many clients may wait for a place."""

MAX_HELD: Final = 512 << 20
"""The bytes of all requests in hand and unread answers, in memory."""

MAX_SPOOLED: Final = 4 << 30
"""The bytes of all their bodies in files."""

MAX_PIPELINED: Final = 100
"""How many requests of one connection may wait for the one before them."""


_ROOM: Final = 0.1  # the part of a bound that is made free at once

Answer = Callable[[Message, Outbox], Rest | None]


def _over(held: int, rest: int, most: int) -> float:
    """Return the bytes to make free, with some room for others; 0 within the bound.

    The ``rest`` is held for clients that were cut or have left, until their handlers return. It
    takes room from the others, but not all of it: cutting these would free nothing of it.
    """
    room = max(most - rest, _ROOM * most)
    return held - (1 - _ROOM) * room if held > room else 0


class Clients:
    """The clients that have something in hand.

    ``open_outbox`` makes the outbox of a new client; ``answer`` answers one message, ``discard``
    removes the stored body of one that will not be answered, and ``size_stored`` is its size.
    """

    def __init__(
        self,
        pool_size: int,
        open_outbox: Callable[[Peer], Outbox],
        answer: Answer,
        discard: Discard,
        *,
        size_stored: Callable[[Message], int],
        max_held: int = MAX_HELD,
        max_spooled: int = MAX_SPOOLED,
    ) -> None:
        self._discard, self._size_stored = discard, size_stored
        self._max_held, self._held = max_held, 0
        self._max_spooled, self._spooled = max_spooled, 0
        self._pool_size = pool_size
        self._open_outbox = open_outbox
        self._answer = answer
        self._clients: dict[Peer, Client] = {}
        self._backlog: deque[Client] = deque()
        self._working = 0
        self._lock = green.Lock()

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._backlog)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being answered and nothing is still to be sent."""
        with self._lock:
            sending = any(client.outbox.unsent for client in self._clients.values())
            return not self._working and not sending

    def peers(self) -> list[Peer]:
        """Return the peers of the clients that are known now."""
        with self._lock:
            return list(self._clients)

    # What comes in.

    def ask(self, message: Message, *, new: bool | None) -> None:
        """Take a request; ``new`` says whether it is the first one of its connection.

        It is None where Mongrel2 does not say so. Then a request during a feed is taken for one:
        a browser sends none.
        """
        peer = Peer(message.sender, message.conn_id)
        taken = Taken(message, size_of(message), self._size_stored(message))
        stale = None
        with self._lock:
            client = self._clients.get(peer)
            if client is not None and (client.outbox.endless if new is None else new):
                stale, client = client, None
            if client is None:
                client = self._add(peer)
            elif client.outbox.gone:
                self._discard(message)
                return
            else:
                client.outbox.asked()
            client.inbox.append(taken)
            self._hold(client, taken)
            starts, fits = self._place(client)
            excess = self._excess()
        if stale is not None:
            self._has_left(stale)
        if starts:
            green.spawn(self._work, client)
        elif not fits:
            self._refuse(client)
        self._end(excess)

    def _add(self, peer: Peer) -> Client:
        client = self._clients[peer] = Client(self._open_outbox(peer), self._discard)
        return client

    def end_excess(self) -> None:
        """End connections where requests and unread answers hold too much; called now and then."""
        with self._lock:
            unread = sum(each.outbox.waiting for each in self._clients.values())
            excess = self._excess(unread)
        self._end(excess)

    def _end(self, clients: Iterable[Client]) -> None:
        for each in clients:
            log.info("Ended a connection: too much is held for all of them.")
            self._cut(each)

    def _cut(self, client: Client) -> None:
        self._drop_requests(client)
        client.outbox.cut()

    def refuse(self, message: Message, problem: Problem) -> None:
        """End the connection of a request before its body has come, and say why.

        While others of the connection are answered, nothing may come between their answers.
        """
        peer = Peer(message.sender, message.conn_id)
        with self._lock:
            client = self._clients.get(peer) or self._add(peer)
        if client.busy:
            self._cut(client)
        else:
            self._say(problem, client.outbox)

    def _hold(self, client: Client, taken: Taken) -> None:
        """Count the bytes that are held for a client; called with the lock held."""
        if not client.held:
            client.since = monotonic()
        client.held += taken.in_memory
        client.spooled += taken.in_files
        self._held += taken.in_memory
        self._spooled += taken.in_files

    def _release(self, client: Client, dropped: Iterable[Taken]) -> None:
        with self._lock:
            for taken in dropped:
                client.held -= taken.in_memory
                client.spooled -= taken.in_files
                self._held -= taken.in_memory
                self._spooled -= taken.in_files

    def _excess(self, unread: int = 0) -> list[Client]:
        """Return the clients to end; called with the lock held.

        ``unread`` are the bytes of answers that wait for their clients.
        """
        if self._held + unread <= self._max_held and self._spooled <= self._max_spooled:
            return []
        alive = [each for each in self._clients.values() if not each.outbox.gone]
        held, spooled = sum(each.held for each in alive), sum(each.spooled for each in alive)
        in_memory = _over(held + unread, self._held - held, self._max_held)
        in_files = _over(spooled, self._spooled - spooled, self._max_spooled)
        found = []
        holding = [each for each in alive if each.held or each.outbox.waiting]
        for client in sorted(holding, key=attrgetter("since")):
            if in_memory > 0 or (in_files > 0 and client.spooled):
                in_memory -= client.held + (client.outbox.waiting if unread else 0)
                in_files -= client.spooled
                found.append(client)
        return found

    def _drop_requests(self, client: Client) -> None:
        self._release(client, client.discard_all())

    def _has_left(self, client: Client) -> None:
        self._drop_requests(client)
        client.outbox.left()

    def _place(self, client: Client) -> tuple[bool, bool]:
        """Return whether a new thread has to serve the client, and whether it may wait at all."""
        if client.busy:
            return False, len(client.inbox) <= MAX_PIPELINED
        if self._working < self._pool_size:
            client.busy = True
            self._working += 1
            return True, True
        if len(self._backlog) >= BACKLOG:
            return False, False
        client.busy = True
        self._backlog.append(client)
        return False, True

    def _refuse(self, client: Client) -> None:
        if client.busy:
            self._cut(client)
            return
        self._drop_requests(client)
        problem = Problem(
            503, "Too many requests are waiting; retry later.", headers={"Retry-After": "1"}
        )
        self._say(problem, client.outbox)

    def _say(self, problem: Problem, outbox: Outbox) -> None:
        """Send the answer of a problem, and end the connection; for the thread that receives."""
        framed = frame(problem.response(), method="GET", version="1.1", keep_alive=False)
        with suppress(Gone):
            outbox.end_with(framed.head + framed.body)
        self.forget_if_done(outbox)

    def credited(self, peer: Peer, size: int) -> bool:
        """Note that bytes reached a client; return whether the client is known."""
        with self._lock:
            client = self._clients.get(peer)
        if client is None:
            return False
        client.outbox.credited(size)
        self.forget_if_done(client.outbox)
        return True

    def left(self, peer: Peer) -> bool:
        """Note that a client has left; return whether the client was known."""
        with self._lock:
            client = self._clients.pop(peer, None)
        if client is None:
            return False
        self._has_left(client)
        return True

    # The clients being served.

    def _work(self, client: Client) -> None:
        """Serve one client, and then those that wait for a slot."""
        while True:
            try:
                self._serve(client)
            except Exception:  # those that wait for a slot are served all the same
                log.exception("A client of Mongrel2 could not be served.")
            finally:
                with self._lock:
                    waiting = self._backlog.popleft() if self._backlog else None
                    if waiting is None:
                        self._working -= 1
            if waiting is None:
                return
            client = waiting

    def _serve(self, client: Client) -> None:
        while True:
            rest, client.rest = client.rest, None
            with self._lock:
                if rest is None and not client.inbox:
                    client.busy = False
                    break
                taken = None if rest is not None else client.inbox.popleft()
            try:
                if rest is not None:
                    client.rest = rest.go_on()
                elif taken is not None:
                    client.in_hand = taken
                    client.rest = self._answer(taken.message, client.outbox)
            except Gone:
                if taken is not None:
                    self._discard(taken.message)
                self._drop_requests(client)
            finally:
                if client.rest is None and client.in_hand is not None:
                    self._release(client, [client.in_hand])
                    client.in_hand = None
            if client.rest is not None:
                # It stays busy, so that nothing else is answered on it, but gives up its place.
                client.outbox.when_released(partial(self._return, client))
                return
        self.forget_if_done(client.outbox)

    def _return(self, client: Client) -> None:
        """Give a client that left its share a slot again; it goes before all that wait for one."""
        with self._lock:
            starts = self._working < self._pool_size
            if starts:
                self._working += 1
            else:
                self._backlog.appendleft(client)
        if starts:
            green.spawn(self._work, client)

    def forget_if_done(self, outbox: Outbox) -> None:
        """Forget a client with an empty outbox and no request in hand."""
        with self._lock:
            client = self._clients.get(outbox.peer)
            if client is None or client.outbox is not outbox or client.busy:
                return
            if outbox.empty:
                del self._clients[outbox.peer]

    # The end.

    def forget_all(self) -> None:
        """Forget everybody, as if all had left."""
        for client in self._drop_all():
            self._has_left(client)

    def cut_all(self) -> None:
        """End every connection that still waits for something."""
        for client in self._drop_all():
            if client.busy or client.outbox.unsent:
                self._cut(client)

    def _drop_all(self) -> list[Client]:
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        return clients

    def end_feeds(self) -> None:
        """End every answer that would not end by itself."""
        with self._lock:
            feeds = [each for each in self._clients.values() if each.outbox.endless]
        for client in feeds:
            client.outbox.end_feed()
