"""Subscriptions: sending the same data to many readers at once.

Where the request allows it, a source of chunks sets the request's ``subscription`` and yields an
empty chunk. From then on the topic sends new data to every `Receiver`, and the source is not asked
for more until its receiver is released. So a reader that only waits needs no thread, and data that
goes to ten thousand of them is made once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol


class Group(Protocol):
    """Receivers that a front server reaches together."""

    def send(self, receivers: Sequence[Any], data: bytes) -> Sequence[Receiver]:
        """Send data to some of the group, as `Receiver.receive`; return those that failed."""


class Receiver(Protocol):
    """The end of a connection that receives shared data."""

    @property
    def group(self) -> Group | None:
        """The receivers that are reached together with it; None where each is reached alone."""

    def receive(self, data: bytes) -> bool:
        """Send data without waiting; False when not all of it went, and the rest is kept.

        A receiver that could not take all is left out at once, and released.
        """

    def release(self) -> None:
        """Send the kept data, and ask the source for more; returns at once."""


class Subscription(ABC):
    """A reader's subscription to data that many receive."""

    @abstractmethod
    def join(self, receiver: Receiver) -> bool:
        """Start to receive; False when the others are at another position: the source goes on."""

    @abstractmethod
    def leave(self) -> None:
        """Receive no more; the receiver is not released by it."""
