"""`SQLQueue`: jobs in tables of SQLite, in a file for the processes of one machine or in memory.

A job is a row of ``jobs``. One that waits has no worker and no ``due``; one that is due later has
its time (ms); one in hand has its worker, and when that was last heard of. The order is that of the
numbers, and a job that comes into the order once more gets a new number.

A worker that waits looks into the file again and again, since SQLite tells nobody of another
process's writes; those of its own process wake it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Final, TypeVar

from brubeck import green
from brubeck.jobs.queue import (
    DeadLetter,
    Delivery,
    Depth,
    JobQueue,
    as_bytes,
    millis,
    read_job,
)
from brubeck.jobs.sql_tables import JobDatabase, JobTables
from brubeck.storage.batching import pieces
from brubeck.storage.checking import Finding, fine, note
from brubeck.storage.sqlite.database import Connection
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

T = TypeVar("T")

_IS_WAITING: Final = "SELECT 1 FROM jobs WHERE queue = ? AND worker IS NULL AND due IS NULL LIMIT 1"
_TAKE: Final = """UPDATE jobs SET worker = ?, heard = ?, given = 1 WHERE number IN (
    SELECT number FROM jobs WHERE queue = ? AND worker IS NULL AND due IS NULL
    ORDER BY number LIMIT ?) RETURNING number, job"""
_IS_TO_CLAIM: Final = """SELECT
    EXISTS (SELECT 1 FROM jobs WHERE queue = ? AND worker IS NOT NULL AND heard <= ?)
    OR EXISTS (SELECT 1 FROM jobs_alone WHERE queue = ?)"""
"""Whether a worker has not been heard of, or one has or wants a job alone."""
_LETTERS: Final = """SELECT letter, job, reason, traceback, buried_at FROM dead_jobs
    WHERE queue = ? AND letter BETWEEN ? AND ? ORDER BY letter LIMIT ?"""
_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.1
"""Seconds between two looks into the file, at first and at the most."""
_WOKEN: Final = 100
_CLAIMED: Final = 100
"""How many jobs one step wakes, and looks at for dead workers."""
_WOKEN_BYTES: Final = 1 << 20
"""How many bytes of jobs one step wakes; one job may have more."""
_FORGOTTEN: Final = 100
"""How many keys that have ended are deleted for one that is added."""
_LARGEST_NUMBER: Final = 2**63 - 1


class SQLQueue(JobQueue):
    """The jobs of a program in a database of SQLite.

    ``shared`` says whether other processes see the same jobs, ``owns`` whether the queue closes
    the database.
    """

    def __init__(
        self,
        database: JobDatabase,
        shown: str,
        name: str = "jobs",
        *,
        clock: Clock = SYSTEM_CLOCK,
        shared: bool = True,
        owns: bool = True,
    ) -> None:
        self.shown, self.shared = shown, shared
        self._tables, self._owns = JobTables(database, shown), owns
        self._name, self._clock = name, clock
        self._changed = green.Condition()
        self._arrivals = 0

    # Sending.

    def _send(self, raw: bytes, key: str, stands: str, keep: float, delay: float) -> str:
        now = self._now()
        due = now + millis(delay) if delay > 0 else None

        def send(db: Connection) -> str:
            _forget_keys(db, now)
            there = db.execute(
                "SELECT stands FROM job_keys WHERE queue = ? AND key = ? AND ends > ?",
                (self._name, key, now),
            ).fetchone()
            if there is not None:
                return str(there[0].decode())
            self._insert(db, raw, due)
            ends = now + millis(keep)
            row = (self._name, key, stands, ends)
            db.execute("INSERT OR REPLACE INTO job_keys VALUES (?, ?, ?, ?)", row)
            return stands

        sent = self._tables.write(send)
        self._tell_arrival()
        return sent

    def _insert(self, db: Connection, raw: bytes, due: int | None = None) -> None:
        job = read_job(raw)
        row = (self._name, job.id if job is not None else "", raw, due)
        db.execute("INSERT INTO jobs (queue, id, job, due) VALUES (?, ?, ?, ?)", row)

    def remove(self, job_id: str) -> bool:
        """Remove a job that waits or is due later."""
        delete = "DELETE FROM jobs WHERE queue = ? AND id = ? AND worker IS NULL"
        row = (self._name, job_id)
        return self._tables.write(lambda db: db.execute(delete, row).rowcount > 0)

    # Working.

    def take(self, worker: str, most: int, wait: float) -> list[Delivery]:
        """Take new jobs, waiting a while for the first of them."""
        until, pause = monotonic() + wait, _FIRST_PAUSE
        while True:
            before = self._arrivals
            if self._tables.read(_IS_WAITING, self._name):
                taken = self._tables.write(lambda db: self._take(db, worker, most))
                if taken:
                    return taken
            left = until - monotonic()
            if left <= 0:
                return []
            pause = min(pause, left) if self.shared else left
            with self._changed:
                self._changed.wait_for(lambda: self._arrivals != before, pause)  # noqa: B023, it is called at once
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _take(self, db: Connection, worker: str, most: int) -> list[Delivery]:
        rows = db.execute(_TAKE, (worker, self._now(), self._name, most)).fetchall()
        return [_delivery(number, raw) for number, raw in sorted(rows)]

    def claim(
        self, worker: str, lease: float, most: int, held: Iterable[Delivery]
    ) -> tuple[list[Delivery], bool]:
        """Take over jobs of dead workers; see `JobQueue.claim`."""
        in_hand = {int(each.entry) for each in held}
        until = self._now() - millis(lease)
        found = self._tables.read(_IS_TO_CLAIM, self._name, until, self._name)
        if not found or not found[0][0]:
            return [], False
        return self._tables.write(lambda db: self._claim(db, worker, millis(lease), most, in_hand))

    def _claim(
        self, db: Connection, worker: str, lease: int, most: int, in_hand: set[int]
    ) -> tuple[list[Delivery], bool]:
        now = self._now()
        holder = self._alone(db, now)
        if in_hand and holder == worker:
            return [], True
        rows = db.execute(
            "SELECT number, job, given FROM jobs"
            " WHERE queue = ? AND worker IS NOT NULL AND heard <= ? ORDER BY number LIMIT ?",
            (self._name, now - lease, _CLAIMED),
        ).fetchall()
        taken: list[Delivery] = []

        def take(number: int, raw: bytes, given: int) -> None:
            mark = "UPDATE jobs SET worker = ?, heard = ?, given = given + 1 WHERE number = ?"
            db.execute(mark, (worker, now, number))
            taken.append(_delivery(number, raw, given + 1))

        for number, raw, given in rows:
            if number in in_hand:
                continue  # this worker stood still, too, and will say that it goes on
            if given < 2:
                if len(taken) < most:
                    take(number, raw, given)
            elif holder in (None, worker):
                db.execute(
                    "INSERT OR REPLACE INTO jobs_alone VALUES (?, ?, ?)",
                    (self._name, worker, now + lease),
                )
                if not in_hand and not taken:
                    take(number, raw, given)
                return taken, True
        if holder == worker:
            db.execute("DELETE FROM jobs_alone WHERE queue = ?", (self._name,))
        return taken, False

    def _alone(self, db: Connection, now: int) -> str | None:
        """Return the worker that has or wants a job alone."""
        db.execute("DELETE FROM jobs_alone WHERE ends <= ?", (now,))
        row = db.execute("SELECT worker FROM jobs_alone WHERE queue = ?", (self._name,)).fetchone()
        return None if row is None else str(row[0].decode())

    def renew(self, worker: str, lease: float, deliveries: Iterable[Delivery]) -> None:
        """Renew the leases of jobs in hand; marks those that are lost."""
        held = list(deliveries)
        ends = self._now() + millis(lease)

        def renew(db: Connection) -> list[Delivery]:
            now = self._now()
            mark = "UPDATE jobs SET heard = ? WHERE number = ? AND queue = ? AND worker = ?"
            row = (self._name, worker)
            lost = [e for e in held if not db.execute(mark, (now, int(e.entry), *row)).rowcount]
            db.execute(
                "UPDATE jobs_alone SET ends = ? WHERE queue = ? AND worker = ?", (ends, *row)
            )
            return lost

        for each in self._tables.write(renew):
            each.lost = True

    def wake(self) -> float | None:
        """Put the jobs that are due into the queue; return the seconds until the next."""
        soonest = self._soonest()
        if soonest is not None and soonest <= self._now():
            self._tables.write(self._wake)
            self._tell_arrival()
            soonest = self._soonest()
        return None if soonest is None else max(0, soonest - self._now()) / 1000

    def _soonest(self) -> int | None:
        rows = self._tables.read(
            "SELECT due FROM jobs WHERE queue = ? AND due IS NOT NULL ORDER BY due LIMIT 1",
            self._name,
        )
        return int(rows[0][0]) if rows else None

    def _wake(self, db: Connection) -> None:
        """Put some jobs that are due behind the others; all writes to the file wait meanwhile."""
        rows = db.execute(
            "SELECT number, length(job) FROM jobs WHERE queue = ? AND due <= ?"
            " ORDER BY due, number LIMIT ?",
            (self._name, self._now(), _WOKEN),
        ).fetchall()
        woken = next(pieces(rows, lambda row: int(row[1]), _WOKEN_BYTES), [])
        for number, _ in woken:
            db.execute(
                "INSERT INTO jobs (queue, id, job)"
                " SELECT queue, id, job FROM jobs WHERE number = ?",
                (number,),
            )
            db.execute("DELETE FROM jobs WHERE number = ?", (number,))

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Delete finished jobs, also those that another worker has by now."""
        rows = [(int(each.entry), self._name) for each in deliveries]
        if rows:
            delete = "DELETE FROM jobs WHERE number = ? AND queue = ?"
            self._tables.write(lambda db: db.executemany(delete, rows))

    def _postpone(self, worker: str, entry: bytes, raw: bytes, seconds: float) -> bool:
        due = self._now() + millis(seconds)

        def postpone(db: Connection) -> bool:
            if not self._drop(db, worker, entry):
                return False
            self._insert(db, raw, due)
            return True

        return self._tables.write(postpone)

    def archive(self, worker: str, delivery: Delivery, reason: str, traceback: str) -> bool:
        """Move a job to the dead letters; False where it is another's by now."""

        def archive(db: Connection) -> bool:
            if not self._drop(db, worker, delivery.entry):
                return False
            db.execute(
                "INSERT INTO dead_jobs (queue, job, reason, traceback, buried_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (self._name, delivery.raw, as_bytes(reason), as_bytes(traceback), self._now()),
            )
            return True

        return self._tables.write(archive)

    def _drop(self, db: Connection, worker: str, entry: bytes) -> bool:
        row = (int(entry), self._name, worker)
        delete = "DELETE FROM jobs WHERE number = ? AND queue = ? AND worker = ?"
        return db.execute(delete, row).rowcount > 0

    def leave(self, worker: str) -> None:
        """Forget nothing: a worker is known only by the jobs that it has in hand."""

    # Looking.

    def check(self) -> Finding:
        """Return where the jobs are, and whether they outlive the process."""
        self._tables.write(lambda _: None)
        if not self.shared:
            return note("they wait in the memory of the process that serves, which does them")
        return fine(f"they can be sent and done at {self.shown}")

    def depth(self) -> Depth:
        """Return how many jobs there are."""
        counts = self._tables.read(
            "SELECT COUNT(*), COUNT(worker), COUNT(due),"
            " (SELECT COUNT(*) FROM dead_jobs WHERE queue = ?) FROM jobs WHERE queue = ?",
            self._name,
            self._name,
        )
        jobs, in_hand, later, dead = counts[0] if counts else (0, 0, 0, 0)
        return Depth(jobs - in_hand - later, in_hand, later, dead)

    def dead(self, step: int = 100) -> Iterator[DeadLetter]:
        """Yield the dead letters, the oldest first."""
        after = 0
        while True:
            found = self._letters(after + 1, _LARGEST_NUMBER, step)
            yield from found
            if len(found) < step:
                return
            after = int(found[-1].letter)

    def dead_letter(self, letter: str) -> DeadLetter | None:
        """Return one dead letter, or None."""
        if not (letter.isascii() and letter.isdigit() and int(letter) <= _LARGEST_NUMBER):
            return None
        return next(iter(self._letters(int(letter), int(letter), 1)), None)

    def _letters(self, first: int, last: int, most: int) -> list[DeadLetter]:
        rows = self._tables.read(_LETTERS, self._name, first, last, most)
        return [
            DeadLetter(
                letter=str(letter),
                raw=raw,
                job=read_job(raw),
                reason=reason.decode(errors="replace"),
                traceback=traceback.decode(errors="replace"),
                buried_at=buried_at,
            )
            for letter, raw, reason, traceback, buried_at in rows
        ]

    def _revive(self, letter: str, raw: bytes) -> bool:
        def revive(db: Connection) -> bool:
            if not self._forget(db, letter):
                return False
            self._insert(db, raw)
            return True

        revived = self._tables.write(revive)
        self._tell_arrival()
        return revived

    def forget(self, letter: DeadLetter) -> bool:
        """Remove a dead letter; False where it is no longer there."""
        return self._tables.write(lambda db: self._forget(db, letter.letter))

    def _forget(self, db: Connection, letter: str) -> bool:
        row = (int(letter), self._name)
        delete = "DELETE FROM dead_jobs WHERE letter = ? AND queue = ?"
        return db.execute(delete, row).rowcount > 0

    def close(self) -> None:
        """Close the database, unless it is a store's."""
        if self._owns:
            self._tables.close()

    # In between.

    def _now(self) -> int:
        return self._clock.micros() // 1000

    def _tell_arrival(self) -> None:
        with self._changed:
            self._arrivals += 1
            self._changed.notify_all()


def _delivery(number: int, raw: bytes, given: int = 1) -> Delivery:
    return Delivery(b"%d" % number, raw, read_job(raw), given)


def _forget_keys(db: Connection, now: int) -> None:
    """Delete some of the keys that have ended: more than are added, so that none stays long.

    Not all, since many may end together, and all writes to the file wait for each transaction.
    """
    db.execute(
        "DELETE FROM job_keys WHERE (queue, key) IN"
        " (SELECT queue, key FROM job_keys WHERE ends <= ? LIMIT ?)",
        (now, _FORGOTTEN),
    )
