"""`Schedule`: jobs that are sent once a period, by one process of all that do jobs.

Periods are counted from 1970-01-01T00:00:00Z, so ``'1d'`` begins at midnight, UTC. The key of a
job names its path and its period: of several processes that send it one does, and the others get
the same job. A record for each path, in the store of its stream, keeps the last period that was
sent. After a pause of several periods one job is sent, and none while the previous one is not over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final, TypeAlias
from uuid import uuid4

import msgspec

from brubeck.jobs.documents import OVER
from brubeck.jobs.stream import JobStream
from brubeck.storage import Put, Record, RecordStream
from brubeck.timekeeping import Clock

log = logging.getLogger("brubeck.jobs")

SCHEDULES: Final = "#jobs"
"""The name of the stream of last periods in a store; no path of a stream has a ``#``."""
_DAY: Final = 24 * 3600 * 1000
_PERIODS_TO_WAIT: Final = 3
"""After so many periods, and a day at least, a job that is not over is taken for lost."""

Send: TypeAlias = Callable[[str, str, float], str]
"""Sends a job to a path once for a key, which is kept for so many seconds; returns its id."""


class LastPeriod(msgspec.Struct, kw_only=True):
    """The last period for which a job was sent: its number and length (ms), the job, and when."""

    id: str
    path: str
    every: int
    number: int
    job: str
    sent_at: int


class Schedule:
    """The scheduled jobs of some streams.

    ``kept`` returns the record streams of a stream of jobs: its items, and the last periods in the
    same store.
    """

    def __init__(
        self,
        streams: Iterable[type[JobStream]],
        kept: Callable[[type[JobStream]], tuple[RecordStream, RecordStream]],
        send: Send,
        clock: Clock,
    ) -> None:
        self._kept, self._send, self._clock = kept, send, clock
        self._scheduled = [
            (stream, path, max(1, round(every * 1000)))
            for stream in streams
            for path, every in stream.scheduled
        ]
        self._sent_until: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._scheduled)

    def send_due(self) -> list[str]:
        """Send the jobs of each begun period, unless another process has; return their ids.

        Raises the first error of the queue or a store, after all of them were tried.
        """
        sent, errors = [], []
        for stream, path, every in self._scheduled:
            now = self._clock.micros() // 1000
            if now < self._sent_until.get(path, now):
                continue
            try:
                job = self._turn(stream, path, every, now)
            except Exception as reason:  # noqa: BLE001, it is raised when the others were sent
                errors.append(reason)
            else:
                sent += [job] if job else []
        if errors:
            raise errors[0]
        return sent

    def _turn(self, stream: type[JobStream], path: str, every: int, now: int) -> str:
        """Send the job of a path if it is time to; return its id, empty for none."""
        number = now // every
        items, periods = self._kept(stream)
        period_id = f"every.{blake2b(path.encode(), digest_size=12).hexdigest()}"
        (found,) = periods.get([period_id])
        last, position = None, None
        if isinstance(found, Record):
            last = msgspec.json.decode(found.body, type=LastPeriod)
            position = found.position
        if last is not None and last.every == every and number <= last.number:
            self._sent_until[path] = (last.number + 1) * every
            return ""
        if last is not None and not _is_over(items, stream, last, now):
            return ""
        job = self._send(path, f"{every} {number}", (every + _DAY) / 1000)
        sent = LastPeriod(id=period_id, path=path, every=every, number=number, job=job, sent_at=now)
        put = Put(
            id=period_id,
            created_at=now,
            body=msgspec.json.encode(sent),
            token=uuid4().hex,
            expected=position,
        )
        periods.write([put])  # where it is refused, another process has written the same
        self._sent_until[path] = (number + 1) * every
        log.info("Sent the job %s of %s.", job, path)
        return job


def _is_over(items: RecordStream, stream: type[JobStream], last: LastPeriod, now: int) -> bool:
    """Return whether the previous job is over, or was not heard of for so long that it is lost."""
    if now - last.sent_at >= max(_DAY, _PERIODS_TO_WAIT * last.every):
        return True
    (found,) = items.get([last.job])
    if not isinstance(found, Record):
        return True
    return stream.model.decode_stored(found.body).state in OVER
