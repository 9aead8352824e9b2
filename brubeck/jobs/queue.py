"""`JobQueue`: jobs in a Redis Stream, given out by a consumer group and never forgotten.

A job leaves the queue only when its worker says that it is done, is to be tried again later, or is
dead. A worker that is not heard of for a *lease* loses what it had in hand to others. So a job is
done at least once, and twice where a worker dies between the work and saying so.

Everything lives under ``brubeck-jobs:{<name>}``: the stream itself, ``:later`` (a sorted set, by
when), ``:dead`` (a stream), ``:key:…`` (which job a key stands for).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import msgspec
from redis.exceptions import ResponseError

from brubeck.config.urls import redacted
from brubeck.connections.messages import Message
from brubeck.errors import BrubeckError, ConfigError
from brubeck.jobs.checking import missing_rules
from brubeck.jobs.scripts import SCRIPTS
from brubeck.storage.errors import Unavailable
from brubeck.storage.redis.client import RedisClient, client_options

SCHEMES: Final = (
    *("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"),
    "unix",
)
POOL: Final = 50
"""How many operations are under way at once."""
KEEP_KEYS: Final = 24 * 3600.0
"""How many seconds a key stands for its job."""

_GROUP: Final = "workers"
_RESENT: Final = 60.0
"""How long a job that has no key is known by its id: long enough to be sent once more."""
_GONE: Final = 3600.0
"""After how many seconds a silent worker that has nothing in hand is forgotten."""


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


class JobQueue:
    """The jobs of a program, in a Redis. Any call may raise `QueueUnavailable`."""

    def __init__(self, url: str, name: str = "jobs", *, timeout: float = 5.0) -> None:
        self.shown = redacted(url)
        scheme = url.partition(":")[0]
        if scheme not in SCHEMES:
            known = ", ".join(f"{each}://" for each in SCHEMES)
            raise ConfigError(f'Jobs wait in a Redis ({known}), not at "{self.shown}".')
        try:
            bare, options = client_options(url)
            self._server = RedisClient(bare, **{"pool": POOL, "timeout": timeout} | options)
        except ConfigError as reason:
            raise ConfigError(str(reason).replace("The storage", "The queue", 1)) from None
        self._wait = options.get("timeout", timeout) / 2
        self._jobs = f"brubeck-jobs:{{{name}}}"
        self._later, self._dead = f"{self._jobs}:later", f"{self._jobs}:dead"
        self._alone = f"{self._jobs}:alone"
        self._decoder = msgspec.json.Decoder(QueuedJob)

    # Sending.

    def send(self, job: QueuedJob, key: str = "") -> str:
        """Put a job into the queue, and return its id; the id of another that came with its key.

        Raises `KeyTaken` when that has other data.
        """
        told = hashlib.sha256(key.encode()).hexdigest() if key else job.id
        keep = KEEP_KEYS if key else _RESENT
        keys = [self._jobs, f"{self._jobs}:key:{told}"]
        data = msgspec.json.encode(msgspec.json.decode(job.data), order="sorted")
        stands = f"{job.id} {hashlib.sha256(data).hexdigest()}"
        sent = self._run("send", keys, stands, msgspec.json.encode(job), int(keep * 1000))
        item_id, _, digest = str(sent.decode()).partition(" ")
        if digest and digest != stands.partition(" ")[2]:
            raise KeyTaken(item_id)
        return item_id

    # Working.

    def take(self, worker: str, most: int, wait: float) -> list[Delivery]:
        """Take new jobs, waiting a while for the first of them."""
        with self._commands() as client:
            try:
                found = self._read(client, worker, most, wait)
            except ResponseError as reason:
                if not str(reason).startswith("NOGROUP"):
                    raise
                self._begin(client)
                found = self._read(client, worker, most, wait)
        return [self._delivery(entry, fields.get(b"job", b"")) for entry, fields in found]

    def _read(
        self, client: Any, worker: str, most: int, wait: float
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        block = max(1, int(min(wait, self._wait) * 1000))  # a command ends by its timeout
        found = client.xreadgroup(_GROUP, worker, {self._jobs: ">"}, count=most, block=block)
        return found[0][1] if found else []

    def _begin(self, client: Any) -> None:
        # From the first on: what was sent before there was a worker waits for one, too.
        with suppress(ResponseError):  # another began it
            client.xgroup_create(self._jobs, _GROUP, id="0", mkstream=True)

    def claim(
        self, worker: str, lease: float, most: int, held: Iterable[Delivery]
    ) -> tuple[list[Delivery], bool]:
        """Take over jobs of dead workers, by one that has some in hand already.

        Returns the deliveries, and whether to finish those in hand before taking any other.
        """
        self._begin_once()
        keys = [self._jobs, self._alone]
        entries = (each.entry for each in held)
        taken, alone = self._run("claim", keys, _GROUP, worker, _millis(lease), most, *entries)
        return [self._delivery(*each) for each in taken], bool(alone)

    _begun = False

    def _begin_once(self) -> None:
        if not self._begun:
            with self._commands() as client:
                self._begin(client)
            self._begun = True

    def renew(self, worker: str, lease: float, deliveries: Iterable[Delivery]) -> None:
        """Renew the leases of jobs in hand; marks those that are lost."""
        held = {each.entry: each for each in deliveries}
        keys = [self._jobs, self._alone]
        for entry in self._run("renew", keys, _GROUP, worker, _millis(lease), *held):
            held[entry].lost = True

    def wake(self) -> float | None:
        """Put the jobs that are due into the queue; return the seconds until the next."""
        millis = self._run("wake", [self._later, self._jobs])
        return None if millis < 0 else millis / 1000

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Delete finished jobs, also those that another worker has by now."""
        entries = [each.entry for each in deliveries]
        if entries:
            self._run("done", [self._jobs], _GROUP, *entries)

    def later(self, worker: str, delivery: Delivery, seconds: float) -> bool:
        """Have a job tried again after a while; False where it is another's by now."""
        job = self._decoder.decode(delivery.raw)
        job.attempt += 1
        told = (_GROUP, worker, delivery.entry, msgspec.json.encode(job), _millis(seconds))
        return bool(self._run("later", [self._jobs, self._later], *told))

    def archive(self, worker: str, delivery: Delivery, reason: str, traceback: str) -> bool:
        """Move a job to the dead letters; False where it is another's by now."""
        told = (_GROUP, worker, delivery.entry, delivery.raw)
        keys = [self._jobs, self._dead]
        return bool(self._run("bury", keys, *told, _bytes(reason), _bytes(traceback)))

    def leave(self, worker: str) -> None:
        """Delete a worker without jobs in hand, and those that ended long ago."""
        self._run("leave", [self._jobs], _GROUP, worker, _millis(_GONE))

    # Looking.

    def missing_rules(self) -> list[str]:
        """Return the ACL rules that the user of the URL lacks; each right is tried."""
        with self._commands() as client:
            return missing_rules(client)

    def depth(self) -> Depth:
        """Return how many jobs there are."""
        self._begin_once()
        with self._commands() as client:
            in_hand = client.xpending(self._jobs, _GROUP)["pending"]
            waiting = client.xlen(self._jobs) - in_hand
            later, dead = client.zcard(self._later), client.xlen(self._dead)
        return Depth(waiting, in_hand, later, dead)

    def dead(self, step: int = 100) -> Iterator[DeadLetter]:
        """Yield the dead letters, the oldest first."""
        after = "-"
        while True:
            with self._commands() as client:
                found = client.xrange(self._dead, after, "+", count=step)
            for letter, fields in found:
                yield self._dead_letter(letter.decode(), fields)
            if len(found) < step:
                return
            after = f"({found[-1][0].decode()}"

    def dead_letter(self, letter: str) -> DeadLetter | None:
        """Return one dead letter, or None."""
        if not re.fullmatch(r"\d{1,19}-\d{1,19}", letter, re.ASCII):
            return None
        with self._commands() as client:
            found = client.xrange(self._dead, letter, letter)
        return self._dead_letter(letter, found[0][1]) if found else None

    def revive(self, letter: DeadLetter) -> bool:
        """Put a dead letter into the queue again, as new; False where it is no longer there."""
        job = self._decoder.decode(letter.raw)
        job.attempt = 1
        keys = [self._dead, self._jobs]
        return bool(self._run("revive", keys, letter.letter, msgspec.json.encode(job)))

    def forget(self, letter: DeadLetter) -> bool:
        """Remove a dead letter; False where it is no longer there."""
        with self._commands() as client:
            return bool(client.xdel(self._dead, letter.letter))

    def close(self) -> None:
        """Close every connection."""
        self._server.close()

    # In between.

    def _delivery(self, entry: bytes, job: bytes, given: int = 1) -> Delivery:
        return Delivery(entry, job, self._read_job(job), given)

    def _dead_letter(self, letter: str, fields: dict[bytes, bytes]) -> DeadLetter:
        raw = fields.get(b"job", b"")
        reason, traceback = (
            fields.get(name, b"").decode(errors="replace") for name in (b"reason", b"traceback")
        )
        buried_at = int(letter.partition("-")[0])
        return DeadLetter(letter, raw, self._read_job(raw), reason, traceback, buried_at)

    def _read_job(self, raw: bytes) -> QueuedJob | None:
        try:
            return self._decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _run(self, name: str, keys: list[str], *told: object) -> Any:
        with self._commands() as client:
            return SCRIPTS[name].run(client, keys, *told)

    @contextmanager
    def _commands(self) -> Iterator[Any]:
        try:
            with self._server.commands(several=True) as client:
                yield client
        except Unavailable as reason:
            self._begun = False  # it may come back with nothing in it
            cause = reason.__cause__ or reason
            raise QueueUnavailable(f"The queue at {self.shown}: {cause}") from cause


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")  # a file's name, say, may be no text


def _millis(seconds: float) -> int:
    return max(1, int(seconds * 1000))
