"""One client of a Mongrel2: the requests that wait on its connection, and their sizes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from brubeck.connections.mongrel2.messages import Message
from brubeck.connections.mongrel2.replies import Outbox

_OVERHEAD: Final = 2048  # bytes of the objects of a request beside its texts

Discard = Callable[[Message], None]


class Rest(Protocol):
    """The rest of an answer that goes on in a subscription for now."""

    def go_on(self) -> Rest | None:
        """Send it; return the rest when it goes on in a subscription once more."""


class Taken(msgspec.Struct, frozen=True):
    """A request, and the bytes that it holds in memory and in a file."""

    message: Message
    in_memory: int
    in_files: int


class Client:
    """A connection on which requests wait or are answered, or bytes are on their way.

    ``discard`` removes the stored body of a request that will not be answered.
    """

    __slots__ = (
        *("_discard", "busy", "held", "in_hand", "inbox", "outbox", "rest", "since", "spooled"),
    )

    def __init__(self, outbox: Outbox, discard: Discard) -> None:
        self.outbox = outbox
        self._discard = discard
        self.inbox: deque[Taken] = deque()
        self.busy = False
        self.rest: Rest | None = None  # while others send to it, it needs no place
        self.in_hand: Taken | None = None  # it is kept until its answer has ended
        self.held = 0  # the bytes in memory of all that wait, and of the one in hand
        self.spooled = 0  # those in files
        self.since = 0.0  # when the first of them came

    def discard_all(self) -> list[Taken]:
        """Drop the requests that will not be answered, and return them."""
        dropped = []
        while self.inbox:
            dropped.append(self.inbox.popleft())
            self._discard(dropped[-1].message)
        return dropped


def size_of(message: Message) -> int:
    """Return about how many bytes of memory a request takes."""
    texts = sum(len(name) + len(value) for name, value in message.headers)
    return len(message.body) + texts + _OVERHEAD
