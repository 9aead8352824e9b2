"""`JobQueue`: the contract of a queue of jobs, which gives them out and never forgets one.

A job leaves the queue only when its worker says that it is done, is to be tried again later, or is
dead. A worker that is not heard of for a *lease* loses what it had in hand to others. So a job is
done at least once, and twice where a worker dies between the work and saying so.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from brubeck.connections.messages import Message
from brubeck.errors import BrubeckError
from brubeck.green import take_turn
from brubeck.green.collecting import decoded
from brubeck.storage.checking import Finding

KEEP_KEYS: Final = 24 * 3600.0
"""How many seconds a key stands for its job."""

_RESENT: Final = 60.0
"""How long a job that has no key is known by its id: long enough to be sent once more."""


class QueueUnavailable(BrubeckError):
    """The queue cannot be reached, or refuses a command."""


class QueuedJob(Message, omit_defaults=True):
    """A message that waits for a worker.

    ``attempt`` is the number of the next attempt, ``owner`` the id and the name of its owner.
    """

    data: msgspec.Raw = msgspec.Raw(b"null")
    attempt: int = 1
    owner: tuple[str, str] | None = None


class KeyTaken(BrubeckError):
    """The key of a job stands for another job at the same path, with other data."""


class Delivery(msgspec.Struct, eq=False):
    """A job that was delivered to a worker; ``job`` is None for an invalid entry of the queue.

    ``given`` is how often this attempt was delivered: all but the last time its worker died.
    ``attempts`` and ``backoff`` (seconds) are the handler's, where it has its own. ``lost`` says
    that another worker has it by now. ``context`` is for the program that runs it.
    """

    entry: bytes
    raw: bytes
    job: QueuedJob | None
    given: int = 1
    attempts: int | None = None
    backoff: float | None = None
    lost: bool = False
    context: Any = None


class DeadLetter(msgspec.Struct, frozen=True):
    """A job that nobody will try again, and why; ``buried_at`` is in milliseconds.

    ``raw`` is what was in the queue, and ``job`` None where that was no job.
    """

    letter: str
    raw: bytes
    job: QueuedJob | None
    reason: str
    traceback: str
    buried_at: int


class Depth(msgspec.Struct, frozen=True):
    """How many jobs there are, by where."""

    waiting: int
    in_hand: int
    later: int
    dead: int


class JobQueue(ABC):
    """The jobs of a program. Any call may raise `QueueUnavailable`; then nothing was lost."""

    shared: bool = True
    """Whether several processes see the same jobs."""
    shown: str
    """The URL of the queue without its secrets."""

    # Sending.

    def send(
        self, job: QueuedJob, key: str = "", *, delay: float = 0.0, keep: float = KEEP_KEYS
    ) -> str:
        """Put a job into the queue, and return its id; the id of another that came with its key.

        It is given out after ``delay`` seconds at the earliest. The key stands for the job for
        ``keep`` seconds, and for as long as the delay. Raises `KeyTaken` when it stands for
        another with other data.
        """
        name = hashlib.sha256(key.encode()).hexdigest() if key else job.id
        # Only what comes with a key may come again in another order of its members.
        data = _sorted(bytes(job.data)) if key else bytes(job.data)
        digest = hashlib.sha256(data).hexdigest()
        kept = (keep if key else _RESENT) + delay
        there = self._send(msgspec.json.encode(job), name, f"{job.id} {digest}", kept, delay)
        item_id, _, other = there.partition(" ")
        if other and other != digest:
            raise KeyTaken(item_id)
        return item_id

    @abstractmethod
    def _send(self, raw: bytes, key: str, stands: str, keep: float, delay: float) -> str:
        """Put a job into the queue unless its key stands for one; return the job of the key.

        It stands for ``stands`` from now on, for ``keep`` seconds.
        """

    @abstractmethod
    def remove(self, job_id: str) -> bool:
        """Remove a cancelled job that nobody has in hand; return whether it was found.

        A queue may leave one that waits: the worker that is given it drops it.
        """

    # Working.

    @abstractmethod
    def take(self, worker: str, most: int, wait: float) -> list[Delivery]:
        """Take new jobs, waiting a while for the first of them."""

    @abstractmethod
    def claim(
        self, worker: str, lease: float, most: int, held: Iterable[Delivery]
    ) -> tuple[list[Delivery], bool]:
        """Take over jobs of workers that have not been heard of for a lease.

        A job of which two workers died may be the cause. It is given only to a worker that has
        nothing else in hand, which takes nothing else before it is done. ``held`` are the jobs
        that this worker has in hand. Returns the deliveries, and whether to finish those in hand
        before taking any other.
        """

    @abstractmethod
    def renew(self, worker: str, lease: float, deliveries: Iterable[Delivery]) -> None:
        """Renew the leases of jobs in hand; marks those that are lost."""

    @abstractmethod
    def wake(self) -> float | None:
        """Put the jobs that are due into the queue; return the seconds until the next."""

    @abstractmethod
    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Delete finished jobs, also those that another worker has by now."""

    def later(self, worker: str, delivery: Delivery, seconds: float) -> bool:
        """Have a job tried again after a while; False where it is another's by now."""
        job = _DECODER.decode(delivery.raw)
        job.attempt += 1
        return self._postpone(worker, delivery.entry, msgspec.json.encode(job), seconds)

    @abstractmethod
    def _postpone(self, worker: str, entry: bytes, raw: bytes, seconds: float) -> bool:
        """Replace a job in hand by one that is due later; False where it is another's by now."""

    @abstractmethod
    def archive(self, worker: str, delivery: Delivery, reason: str, traceback: str) -> bool:
        """Move a job to the dead letters; False where it is another's by now."""

    @abstractmethod
    def leave(self, worker: str) -> None:
        """Forget a worker without jobs in hand."""

    # Looking.

    @abstractmethod
    def check(self) -> Finding:
        """Return whether the queue is set up so that jobs can be sent and done."""

    @abstractmethod
    def depth(self) -> Depth:
        """Return how many jobs there are."""

    @abstractmethod
    def dead(self, step: int = 100) -> Iterator[DeadLetter]:
        """Yield the dead letters, the oldest first, reading so many at a time."""

    @abstractmethod
    def dead_letter(self, letter: str) -> DeadLetter | None:
        """Return one dead letter, or None."""

    def revive(self, letter: DeadLetter) -> bool:
        """Put a dead letter into the queue again, as new; False where it is no longer there."""
        job = _DECODER.decode(letter.raw)
        job.attempt = 1
        return self._revive(letter.letter, msgspec.json.encode(job))

    @abstractmethod
    def _revive(self, letter: str, raw: bytes) -> bool:
        """Replace a dead letter by a job that waits; False where it is no longer there."""

    @abstractmethod
    def forget(self, letter: DeadLetter) -> bool:
        """Remove a dead letter; False where it is no longer there."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""


_DECODER: Final = msgspec.json.Decoder(QueuedJob)


def read_job(raw: bytes) -> QueuedJob | None:
    """Return the job in an entry of a queue, None for an invalid one."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def millis(seconds: float) -> int:
    """Return whole milliseconds, at least one."""
    return max(1, int(seconds * 1000))


def as_bytes(text: str) -> bytes:
    """Return a text as bytes; the name of a file, say, may be no text."""
    return text.encode(errors="backslashreplace")


def _sorted(data: bytes) -> bytes:
    """Return JSON with the members of all objects in one order."""
    value: Any = decoded(msgspec.json.decode, data)
    take_turn()
    return msgspec.json.encode(value, order="sorted")
