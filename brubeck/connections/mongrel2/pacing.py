"""The amount of data on the way to one client: by the front server's credits, or by estimate.

Mongrel2 holds what it cannot pass on yet. With its setting ``download.flow_control`` it takes up to
100 KiB for a connection and says how many bytes reached the client; `CreditWindow` follows that to
the byte. Without the setting it takes messages of any size, says nothing, and drops the client at
the seventeenth that waits; `EstimatedWindow` then assumes a modest reader, and makes messages
larger rather than more.

A window is a plain value: no clock of its own, no locks.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

MAX_MESSAGES: Final = 8
"""How many messages may be on their way to one connection; Mongrel2 itself stops at 16."""

CREDITS: Final = 100 * 1024
"""The bytes that Mongrel2 takes for a connection under ``download.flow_control``."""

_WORTH_SENDING: Final = 16 * 1024  # less room than this is waited out, unless all of it fits
_FIRST: Final = 64 * 1024
_LARGEST: Final = 32 * 1024 * 1024
_BYTES_PER_SECOND: Final = 4 * 1024 * 1024
_DISTANCE: Final = 0.03  # seconds between short messages


class Window(Protocol):
    """The sending window of one connection; sizes in bytes, ``now`` in seconds of any steady clock.

    ``capacity`` is the most that is worth holding ready for one message.
    """

    @property
    def capacity(self) -> int:
        """The largest message that may be sent next, were nothing on its way."""

    @property
    def finalized(self) -> bool:
        """Whether nothing is known to be on its way."""

    def room(self, waiting: int, now: float) -> int:
        """Return how many of the waiting bytes may go out as one message; 0 is to wait."""

    def retry_after(self, now: float) -> float | None:
        """Return the seconds after which to ask again; None where only credits make room."""

    def sent(self, size: int, now: float) -> None:
        """Note a message of this size."""

    def credited(self, size: int) -> None:
        """Note that a message of this size reached the client."""

    def reset(self) -> None:
        """Note that the client must have received everything."""


class CreditWindow:
    """The window of the credits that the front server gives."""

    def __init__(self, size: int = CREDITS) -> None:
        self._size = size
        self._messages = 0
        self._bytes = 0

    @property
    def capacity(self) -> int:
        """The size of the whole window."""
        return self._size

    @property
    def finalized(self) -> bool:
        """Whether every byte is known to have reached the client."""
        return self._bytes <= 0

    def room(self, waiting: int, now: float) -> int:
        """Return how many bytes may go; crumbs wait, so that messages stay few."""
        del now
        free = self._size - self._bytes
        if self._messages >= MAX_MESSAGES or free < min(waiting, _WORTH_SENDING):
            return 0
        return min(waiting, free)

    def retry_after(self, now: float) -> float | None:
        """Return None: the credits themselves say when."""
        del now
        return None

    def sent(self, size: int, now: float) -> None:
        """Note a message of this size."""
        del now
        self._messages += 1
        self._bytes += size

    def credited(self, size: int) -> None:
        """Note that a message of this size reached the client."""
        self._messages = max(0, self._messages - 1)
        self._bytes = max(0, self._bytes - size)

    def reset(self) -> None:
        """Nothing: the credits for it may still be on their way."""


class EstimatedWindow:
    """The window of an assumed reader of four mebibytes a second.

    A slower reader cannot be distinguished from a faster one. So long data go in messages that
    double in size, the later ones ahead of the estimate: 200 MiB are less than sixteen messages,
    and arrive however slow the reader is. Short data keep a small distance, so that many small
    writes become few messages.
    """

    def __init__(self) -> None:
        self._step = _FIRST
        self._due: deque[float] = deque()
        self._next = 0.0

    @property
    def capacity(self) -> int:
        """The size that the next message may have."""
        return self._step

    @property
    def finalized(self) -> bool:
        """Always: nothing is ever known to be on its way."""
        return True

    def room(self, waiting: int, now: float) -> int:
        """Return how many bytes may go: a full message at once, a smaller one in its time."""
        while self._due and self._due[0] <= now:
            self._due.popleft()
        if len(self._due) >= MAX_MESSAGES or (waiting < self._step and now < self._next):
            return 0
        return min(waiting, self._step)

    def retry_after(self, now: float) -> float | None:
        """Return the seconds until an earlier message must have arrived, or until its time."""
        until = self._due[0] if len(self._due) >= MAX_MESSAGES else self._next
        return max(0.001, until - now)

    def sent(self, size: int, now: float) -> None:
        """Note a message of this size; after one that was full, the next may be larger."""
        last = max(now, self._due[-1]) if self._due else now
        self._due.append(last + _DISTANCE + size / _BYTES_PER_SECOND)
        self._next = now + _DISTANCE
        if size >= self._step:
            self._step = min(2 * self._step, _LARGEST)

    def credited(self, size: int) -> None:
        """Do nothing: where the front server gives credits, a `CreditWindow` counts them."""

    def reset(self) -> None:
        """Start again with the first step."""
        self._step = _FIRST
        self._due.clear()
        self._next = 0.0
