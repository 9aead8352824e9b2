"""`JobsConnection`: a worker, which has the jobs of a queue done by handlers.

A job is performed and has an `Outcome`: it is `Done`, it is to `Retry`, each time after twice as
long, or it is `Dead`, which it also is after the last attempt: a dead letter with its traceback.

A job that kills its worker sends no answer. It is found by the worker that takes over the jobs of
the dead one; after `MOST_DEATHS` it is a dead letter, and from the third time on it is done alone,
so that it takes no other job with it.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import traceback
from collections.abc import Callable, Collection, Sequence
from random import uniform
from time import monotonic
from typing import Final, Protocol, TypeAlias

import msgspec

from brubeck import green
from brubeck.http import Request, Response
from brubeck.jobs.queue import Delivery, JobQueue, QueueUnavailable

log = logging.getLogger("brubeck.jobs")


class Done(msgspec.Struct, frozen=True):
    """The job is done; its result is stored."""


class Retry(msgspec.Struct, frozen=True):
    """The job failed and is tried again, unless this was its last attempt."""

    reason: str
    traceback: str = ""


class Dead(msgspec.Struct, frozen=True):
    """The job failed by a fault of its own, and no further attempt could save it."""

    reason: str
    traceback: str = ""


Outcome: TypeAlias = Done | Retry | Dead
Perform: TypeAlias = Callable[[Delivery], Outcome]

MOST_DEATHS: Final = 5
"""The number of dead workers after which their job is taken for the cause."""
MOST_BACKOFF: Final = 300.0
"""How many seconds there are between two attempts at the most."""

_LOOK: Final = 0.5
_PAUSE: Final = 0.25
MAX_REASON_LENGTH: Final = 1000
MAX_TRACE_LENGTH: Final = 8000


class Watch(Protocol):
    """The callbacks before each change of the queue: jobs taken, put back or archived."""

    def taken(self, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        """Take note of jobs that are about to be done; return those that are over already."""

    def put_back(self, delivery: Delivery, reason: str) -> None:
        """Take note of a job that will be tried again."""

    def archived(self, delivery: Delivery, reason: str) -> None:
        """Take note of a job that will not be tried again."""


class JobsConnection:
    """A worker of a queue.

    At most ``concurrency`` jobs are in hand at once. A job that fails is tried ``attempts`` times,
    ``backoff`` seconds after the first failure. ``lease`` is after how many seconds without a sign
    of life others take over what is in hand; ``grace`` what `stop` leaves to it. ``send_due`` sends
    the jobs whose period has begun.
    """

    def __init__(
        self,
        queue: JobQueue,
        *,
        concurrency: int = 10,
        attempts: int = 5,
        backoff: float = 1.0,
        lease: float = 30.0,
        grace: float = 30.0,
        watch: Watch | None = None,
        send_due: Callable[[], object] | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.queue = queue
        self._concurrency, self._attempts, self._backoff = concurrency, attempts, backoff
        self._lease, self._grace, self._watch = lease, grace, watch
        self._send_due = send_due
        self._todo: green.Queue[Delivery | None] = green.Queue()
        self._hand: dict[bytes, Delivery] = {}
        self._done: list[Delivery] = []
        self._changed = green.Condition()
        self._claim_at = self._wake_at = 0.0
        self._alone = False
        self._stopping = self._hurried = self._over = False
        self._is_down = False

    def serve(self, perform: Perform) -> None:
        """Have jobs done until `stop`, then finish those in hand and return."""
        for _ in range(self._concurrency):
            green.spawn(self._work, perform)
        green.spawn(self._renew_leases)
        green.spawn(self._acknowledge)
        if self._send_due is not None:
            green.spawn(self._keep_schedule)
        while not self._stopping:
            try:
                self._take_turn()
                self._log_recovery()
            except QueueUnavailable as reason:
                self._tell_down(reason)
                green.sleep(_PAUSE)
        self._finish()

    def perform_waiting(self, perform: Perform) -> int:
        """Do the jobs that are due, in this thread, and return their number; for tests."""
        performed = 0
        while True:
            self.queue.wake()
            if not (taken := self.queue.take(self.name, self._concurrency, 0.0)):
                return performed
            self._start(taken)
            while not self._todo.empty():
                if (delivery := self._todo.get()) is not None:
                    self._do(delivery, perform)
                    self._forget(delivery)
                    performed += 1
            self.queue.done(self._done)
            self._done.clear()

    def stop(self) -> None:
        """Take no more jobs; called again, at once. A signal handler may call it."""
        self._hurried = self._stopping
        self._stopping = True

    @property
    def is_stopping(self) -> bool:
        """Whether no more jobs are taken."""
        return self._stopping

    @property
    def must_end(self) -> bool:
        """Whether waits have to end, because the grace or the worker's life is over."""
        return self._hurried or self._over

    # Scheduled jobs.

    def _keep_schedule(self) -> None:
        """Send the jobs of each period when it begins."""
        green.supervise(self._send_scheduled, "Sending scheduled jobs", every=_LOOK, pause=_PAUSE)

    def _send_scheduled(self) -> bool:
        if self._send_due is not None and not self._stopping:
            self._send_due()
        return not self._stopping

    # Taking.

    def _take_turn(self) -> None:
        """Take the jobs that are due, or wait a while for one."""
        now = monotonic()
        if now >= self._claim_at or (self._alone and not self._hand):
            free = self._concurrency - len(self._hand)
            taken, self._alone = self.queue.claim(self.name, self._lease, free, self._held())
            self._claim_at = now + self._lease / 4
            self._start(taken)
        if now >= self._wake_at:
            soon = self.queue.wake()
            self._wake_at = now + (_LOOK if soon is None else min(_LOOK, soon))
        free = self._concurrency - len(self._hand)
        if free <= 0 or (self._alone and self._hand):
            with self._changed:
                most = 1 if self._alone else self._concurrency
                self._changed.wait_for(lambda: len(self._hand) < most, _PAUSE)
            return
        wait = max(0.0, min(self._claim_at, self._wake_at) - monotonic())
        if not self._alone:
            self._start(self.queue.take(self.name, free, wait))

    def _start(self, deliveries: list[Delivery]) -> None:
        if not deliveries:
            return
        for each in deliveries:
            self._hand[each.entry] = each
        over: Collection[Delivery] = ()
        if self._watch is not None:
            try:
                over = self._watch.taken([each for each in deliveries if _is_to_do(each)])
            except Exception:
                log.exception("%d jobs could not be started; others will.", len(deliveries))
                for each in deliveries:
                    del self._hand[each.entry]
                return
        for each in deliveries:
            if each in over:
                self._forget(each)
                self._note_done(each)
            else:
                self._todo.put(each)

    def _forget(self, delivery: Delivery) -> None:
        """Remove a job from those in hand."""
        with self._changed:
            if self._hand.get(delivery.entry) is delivery:  # it may have come here once more
                del self._hand[delivery.entry]
            self._changed.notify_all()

    def _held(self) -> list[Delivery]:
        return [each for each in list(self._hand.values()) if not each.lost]

    def _renew_leases(self) -> None:
        """Renew the leases of the jobs in hand, so that no other worker takes them over."""
        green.supervise(self._renew, "Renewing leases", every=self._lease / 4, pause=_PAUSE)

    def _renew(self) -> bool:
        if held := self._held():
            try:
                self.queue.renew(self.name, self._lease, held)
            except QueueUnavailable as reason:
                self._tell_down(reason)
        return not self.must_end

    # Doing.

    def _work(self, perform: Perform) -> None:
        while (delivery := self._todo.get()) is not None:
            try:
                self._do(delivery, perform)
            except Exception:
                # The next worker may have more luck.
                log.exception("The job %s came to no end here.", _named(delivery))
            finally:
                self._forget(delivery)

    def _do(self, delivery: Delivery, perform: Perform) -> None:
        job = delivery.job
        if job is None:
            self._add_dead_letter(delivery, "This is no job.", "")
            return
        if delivery.given > MOST_DEATHS:
            self._add_dead_letter(delivery, f"Its worker died, {MOST_DEATHS} times.", "")
            return
        try:
            outcome = perform(delivery)
        except BaseException as raised:  # noqa: BLE001, whatever it is has to become an outcome
            outcome = Retry(reason_of(raised), trace_of(raised))
        if delivery.lost:
            log.warning("%s took too long here; another worker has it.", _named(delivery))
            return
        if isinstance(outcome, Done):
            self._note_done(delivery)
        elif isinstance(outcome, Dead) or job.attempt >= (delivery.attempts or self._attempts):
            self._add_dead_letter(delivery, outcome.reason, outcome.traceback)
        else:
            self._put_back(delivery, job.attempt, outcome.reason)

    def _put_back(self, delivery: Delivery, attempt: int, reason: str) -> None:
        first = self._backoff if delivery.backoff is None else delivery.backoff
        # What failed together shall not come back together. No secret hangs on it.
        seconds = min(MOST_BACKOFF, first * 2.0 ** min(attempt - 1, 60)) * uniform(0.9, 1.1)  # noqa: S311
        log.warning(
            "%s failed, and is tried again in %.1f s: %s", _named(delivery), seconds, reason
        )
        if self._watch is not None:
            self._watch.put_back(delivery, reason)
        self._report(lambda: self.queue.later(self.name, delivery, seconds))

    def _add_dead_letter(self, delivery: Delivery, reason: str, trace: str) -> None:
        log.error("%s is a dead letter now: %s", _named(delivery), reason)
        if self._watch is not None:
            self._watch.archived(delivery, reason)
        self._report(lambda: self.queue.archive(self.name, delivery, reason, trace))

    def _note_done(self, delivery: Delivery) -> None:
        with self._changed:
            self._done.append(delivery)
            self._changed.notify_all()

    def _acknowledge(self) -> None:
        """Delete finished jobs from the queue, all at once; their results are stored by then."""
        green.supervise(self._acknowledge_some, "Acknowledging jobs", pause=_PAUSE)

    def _acknowledge_some(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._done or self._over, _LOOK)
            done = list(self._done)
        if not done:
            return not self._over
        self._report(lambda: self.queue.done(done))
        with self._changed:
            del self._done[: len(done)]
            self._changed.notify_all()
        return True

    def _report(self, report: Callable[[], object]) -> None:
        """Send the outcome of a job to the queue, as soon as it can be reached."""
        while True:
            try:
                report()
            except QueueUnavailable as reason:
                if self.must_end:
                    return
                self._tell_down(reason)
                green.sleep(_PAUSE)
            else:
                return

    # Ending.

    def _finish(self) -> None:
        until = monotonic() + self._grace
        with self._changed:
            while (self._hand or self._done) and not self._hurried and monotonic() < until:
                self._changed.wait(_PAUSE)
        left = [_named(each) for each in list(self._hand.values())]
        if left:
            log.warning("Left to others, since they take too long: %s", ", ".join(left))
        self._over = True
        for _ in range(self._concurrency):
            self._todo.put(None)
        if self._hurried:
            return  # others forget it in time
        try:
            self.queue.leave(self.name)
        except QueueUnavailable as reason:
            self._tell_down(reason)

    # Outages are logged once.

    def _tell_down(self, reason: QueueUnavailable) -> None:
        if not self._is_down:
            log.error("%s. Trying again until it is back.", str(reason).rstrip("."))
        self._is_down = True
        # Others were cut off, too; they say first what they still have in hand.
        self._claim_at = monotonic() + self._lease / 2

    def _log_recovery(self) -> None:
        if self._is_down:
            log.warning("The queue at %s is back.", self.queue.shown)
        self._is_down = False


def _is_to_do(delivery: Delivery) -> bool:
    return delivery.job is not None and delivery.given <= MOST_DEATHS


def _named(delivery: Delivery) -> str:
    job = delivery.job
    return f"{job.path} {job.id}" if job is not None else delivery.entry.decode()


def reason_of(failure: BaseException) -> str:
    """Return the name and the text of an exception, shortened."""
    try:
        text = str(failure)
    except Exception:  # noqa: BLE001, whatever its own method raises
        text = "(without a text)"
    return f"{type(failure).__name__}: {text}"[:MAX_REASON_LENGTH]


def trace_of(failure: BaseException) -> str:
    """Return the end of an exception's traceback: its text may be all of a job's data."""
    try:
        text = "".join(traceback.format_exception(failure))
    except Exception:  # noqa: BLE001, its own text fails
        text = "".join(traceback.format_tb(failure.__traceback__))
    return text[-MAX_TRACE_LENGTH:]


def outcome_of(request: Request, response: Response) -> Outcome:
    """Return the outcome that the answer of a job's handler stands for.

    Below 400 the job is done; 400 to 499 is a fault of the job itself; anything else is retried.
    """
    if response.status < 400:
        return Done()
    failure = request.failure
    trace = trace_of(failure) if failure is not None else ""
    text = bytes(response.body).decode(errors="replace")[:MAX_REASON_LENGTH]
    reason = text if failure is None else reason_of(failure)
    return Dead(reason, trace) if response.status < 500 else Retry(reason, trace)
