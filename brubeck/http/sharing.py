"""Saying the same to many at once, where many readers wait for the same.

Where the request says that it may, a source of chunks sets the request's ``share`` and yields an
empty chunk. From then on whoever the share belongs to hands every `Receiver` what comes, and the
source is not asked for more until its receiver is released. So a reader that only waits needs no
thread, and what reaches ten thousand of them is made once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol


class Group(Protocol):
    """Receivers that a front server reaches together."""

    def send(self, receivers: Sequence[Any], data: bytes) -> Sequence[Receiver]:
        """Send data to some of ours, as `Receiver.receive`; return those who could not take it."""


class Receiver(Protocol):
    """Where a connection takes what is said to many."""

    @property
    def group(self) -> Group | None:
        """Those who are reached together with it; None where each is reached alone."""

    def receive(self, data: bytes) -> bool:
        """Send data without waiting; False when not all of it went, and the rest is kept.

        Whoever could not is left out at once, and released.
        """

    def release(self) -> None:
        """Send what was kept, and ask the source for more; returns at once."""


class Share(ABC):
    """A reader's place among many."""

    @abstractmethod
    def join(self, receiver: Receiver) -> bool:
        """Begin to receive; False when the others are elsewhere, and the source has to go on."""

    @abstractmethod
    def leave(self) -> None:
        """Receive no more; the receiver is not released by it."""
