"""`RedisQueue`: jobs in a Redis Stream, given out by a consumer group.

Everything lives under ``brubeck-jobs:{<name>}``: the stream itself, ``:later`` (a sorted set of
ids, by when), ``:delayed`` (a hash, id → job), ``:dead`` (a stream), ``:key:…`` (which job a key
stands for).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from redis.exceptions import ResponseError

from brubeck.config.urls import redacted
from brubeck.errors import ConfigError
from brubeck.jobs.checking import missing_rules
from brubeck.jobs.queue import (
    DeadLetter,
    Delivery,
    Depth,
    JobQueue,
    QueueUnavailable,
    as_bytes,
    millis,
    read_job,
)
from brubeck.jobs.scripts import SCRIPTS
from brubeck.storage.checking import Finding, fine, wrong
from brubeck.storage.errors import Unavailable
from brubeck.storage.redis.client import RedisClient, client_options

POOL: Final = 50
"""How many operations are under way at once."""

_GROUP: Final = "workers"
_TOGETHER: Final = 1000
"""How many jobs one script is given; it takes 8,000 arguments in one call."""
_GONE: Final = 3600.0
"""After how many seconds a silent worker that has nothing in hand is forgotten."""


class RedisQueue(JobQueue):
    """The jobs of a program, in a Redis."""

    def __init__(self, url: str, name: str = "jobs", *, timeout: float = 5.0) -> None:
        self.shown = redacted(url)
        try:
            bare, options = client_options(url)
            self._server = RedisClient(bare, **{"pool": POOL, "timeout": timeout} | options)
        except ConfigError as reason:
            raise ConfigError(str(reason).replace("The storage", "The queue", 1)) from None
        self._wait = options.get("timeout", timeout) / 2
        self._jobs = f"brubeck-jobs:{{{name}}}"
        self._later, self._delayed = f"{self._jobs}:later", f"{self._jobs}:delayed"
        self._dead = f"{self._jobs}:dead"
        self._alone = f"{self._jobs}:alone"

    # Sending.

    def _send(self, raw: bytes, key: str, stands: str, keep: float, delay: float) -> str:
        named = f"{self._jobs}:key:{key}"
        if delay > 0:
            keys = [self._later, self._delayed, named]
            arguments = (stands, raw, _name(raw), millis(keep), millis(delay))
            return str(self._run("delay", keys, *arguments).decode())
        sent = self._run("send", [self._jobs, named], stands, raw, millis(keep))
        return str(sent.decode())

    def remove(self, job_id: str) -> bool:
        """Remove a job that is due later; one that waits stays until a worker drops it."""
        return bool(self._run("cancel", [self._later, self._delayed], job_id))

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
        """Take over jobs of dead workers; see `JobQueue.claim`."""
        self._begin_once()
        keys = [self._jobs, self._alone]
        entries = (each.entry for each in held)
        taken, alone = self._run("claim", keys, _GROUP, worker, millis(lease), most, *entries)
        return [self._delivery(*each) for each in taken], bool(alone)

    _is_started = False

    def _begin_once(self) -> None:
        if not self._is_started:
            with self._commands() as client:
                self._begin(client)
            self._is_started = True

    def renew(self, worker: str, lease: float, deliveries: Iterable[Delivery]) -> None:
        """Renew the leases of jobs in hand; marks those that are lost."""
        held = {each.entry: each for each in deliveries}
        keys, entries = [self._jobs, self._alone], list(held)
        for start in range(0, len(entries), _TOGETHER):
            some = entries[start : start + _TOGETHER]
            for entry in self._run("renew", keys, _GROUP, worker, millis(lease), *some):
                held[entry].lost = True

    def wake(self) -> float | None:
        """Put the jobs that are due into the queue; return the seconds until the next."""
        left = self._run("wake", [self._later, self._delayed, self._jobs])
        return None if left < 0 else left / 1000

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Delete finished jobs, also those that another worker has by now."""
        entries = [each.entry for each in deliveries]
        for start in range(0, len(entries), _TOGETHER):
            self._run("done", [self._jobs], _GROUP, *entries[start : start + _TOGETHER])

    def _postpone(self, worker: str, entry: bytes, raw: bytes, seconds: float) -> bool:
        arguments = (_GROUP, worker, entry, raw, _name(raw), millis(seconds))
        return bool(self._run("later", [self._jobs, self._later, self._delayed], *arguments))

    def archive(self, worker: str, delivery: Delivery, reason: str, traceback: str) -> bool:
        """Move a job to the dead letters; False where it is another's by now."""
        arguments = (_GROUP, worker, delivery.entry, delivery.raw)
        keys = [self._jobs, self._dead]
        return bool(self._run("archive", keys, *arguments, as_bytes(reason), as_bytes(traceback)))

    def leave(self, worker: str) -> None:
        """Delete a worker without jobs in hand, and those that ended long ago."""
        self._run("leave", [self._jobs], _GROUP, worker, millis(_GONE))

    # Looking.

    def check(self) -> Finding:
        """Return whether the user of the URL has every right that jobs need."""
        if missing := self.missing_rules():
            return wrong(f"the user of the queue lacks rights; add {' '.join(missing)}")
        return fine(f"the user may send and do jobs at {self.shown}")

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

    def dead(self, step: int = 10) -> Iterator[DeadLetter]:
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

    def _revive(self, letter: str, raw: bytes) -> bool:
        return bool(self._run("revive", [self._dead, self._jobs], letter, raw))

    def forget(self, letter: DeadLetter) -> bool:
        """Remove a dead letter; False where it is no longer there."""
        with self._commands() as client:
            return bool(client.xdel(self._dead, letter.letter))

    def close(self) -> None:
        """Close every connection."""
        self._server.close()

    # In between.

    def _delivery(self, entry: bytes, job: bytes, given: int = 1) -> Delivery:
        return Delivery(entry, job, read_job(job), given)

    def _dead_letter(self, letter: str, fields: dict[bytes, bytes]) -> DeadLetter:
        raw = fields.get(b"job", b"")
        reason, traceback = (
            fields.get(name, b"").decode(errors="replace") for name in (b"reason", b"traceback")
        )
        buried_at = int(letter.partition("-")[0])
        return DeadLetter(letter, raw, read_job(raw), reason, traceback, buried_at)

    def _run(self, name: str, keys: list[str], *arguments: object) -> Any:
        with self._commands() as client:
            return SCRIPTS[name].run(client, keys, *arguments)

    @contextmanager
    def _commands(self) -> Iterator[Any]:
        try:
            with self._server.commands(several=True) as client:
                yield client
        except Unavailable as reason:
            self._is_started = False  # it may come back with nothing in it
            cause = reason.__cause__ or reason
            raise QueueUnavailable(f"The queue at {self.shown}: {cause}") from cause


def _name(raw: bytes) -> str:
    """Return the id of a job; of bytes that are no job, a digest: a worker will report them."""
    job = read_job(raw)
    return hashlib.sha256(raw).hexdigest() if job is None else job.id
