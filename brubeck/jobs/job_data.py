"""The data and the delay of a job that is sent, checked before anything is queued."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import msgspec

from brubeck.config.values import optional_duration
from brubeck.connections.messages import MAX_BYTES
from brubeck.http import Problem
from brubeck.streams.local_documents import numbers_lost
from brubeck.timekeeping import (
    EARLIEST,
    LATEST,
    datetime_to_millis,
    rfc3339_to_millis,
)

Duration: TypeAlias = str | float | timedelta
"""A time such as ``'5m'``, in seconds, or as a timedelta."""
Moment: TypeAlias = str | int | datetime
"""A moment in RFC 3339, in milliseconds since the epoch, or as a datetime."""

_HEADROOM: Final = 200
_read_over: Final = msgspec.json.Decoder(msgspec.Raw).decode
_LONGEST_DELAY: Final = 1_000_000_000.0
"""The longest delay in seconds, 31 years, as for every duration of a setting."""


class UnsendableData(Problem, ValueError):
    """The data of a job that no worker could take: a 413 or 422 for their sender."""


def encoded(data: Any) -> msgspec.Raw:
    """Return the data of a job as JSON; `UnsendableData` for data that no worker could read."""
    try:
        written = msgspec.json.encode(data)
        # A reader may accept less nesting than the writer; here nothing is made of what is read.
        _read_over(b"[" * _HEADROOM + written + b"]" * _HEADROOM)
        errors = list(numbers_lost(data, written))
    except RecursionError:
        raise UnsendableData(422, "The data of a job are nested too deeply.") from None
    except UnicodeEncodeError:
        raise UnsendableData(422, "The data of a job contain half a surrogate pair.") from None
    if errors:
        detail = "The data of a job contain a number that is not finite."
        raise UnsendableData(422, detail, errors=errors)
    if len(written) > MAX_BYTES:
        raise UnsendableData(
            413,
            f"A job has at most {MAX_BYTES} bytes of data, not {len(written)}; "
            "keep them in a store and send their place.",
        )
    return msgspec.Raw(written)


def delay_of(delay: Duration | None, at: Moment | None, now: int) -> float:
    """Return the seconds from now (ms) until a job is due; 0 for a moment that has passed.

    Raises `TypeError` for both, and `UnsendableData` for what is no time.

    >>> delay_of('5m', None, 0), delay_of(None, '1970-01-01T00:00:01Z', 400)
    (300.0, 0.6)
    """
    if delay is not None and at is not None:
        raise TypeError("give a job a delay or a time (at), not both")
    if delay is None and at is None:
        return 0.0
    try:
        seconds = _seconds(delay) if at is None else max(0, _millis(at) - now) / 1000
    except (ValueError, OverflowError) as reason:
        name = "delay" if at is None else "at"
        raise UnsendableData(422, f"The job's {name}: {reason}") from None
    if not 0 <= seconds < _LONGEST_DELAY:
        raise UnsendableData(422, "A job is due at most 31 years from now.")
    return seconds


def _seconds(delay: object) -> float:
    return delay.total_seconds() if isinstance(delay, timedelta) else optional_duration(delay)


def _millis(at: object) -> int:
    if isinstance(at, datetime):
        return datetime_to_millis(at, "up")
    if isinstance(at, str):
        return rfc3339_to_millis(at, "up")
    if isinstance(at, bool) or not isinstance(at, int) or not EARLIEST <= at <= LATEST:
        raise ValueError(f"{at!r} is no time in RFC 3339 and no milliseconds since the epoch")
    return at


def due_at(delay: float, now: int) -> int | None:
    """Return when a delayed job is due, in milliseconds since the epoch; None without a delay."""
    return now + round(delay * 1000) if delay > 0 else None
