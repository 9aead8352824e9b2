"""Retries: whether a failed request is sent again, and when.

Rules:

- A lost connection, and the statuses 429, 502, 503 and 504, pass. So does a 409 with
  ``Retry-After``: the first attempt at the same write is still being carried out.
- The wait is random and grows with each failure, so that clients spread out; a ``Retry-After``
  (RFC 9110, section 10.2.3) is never undercut.
- An operation is bounded by a number of retries and by its time. A wait that would exceed the time
  is not begun.
- Every write carries an ``Idempotency-Key``: sent again, it is still carried out once.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from brubeck.client.steps import Failure, Reply
from brubeck.timekeeping import http_date_to_millis

TRANSIENT: Final = frozenset((429, 502, 503, 504))
REQUEST_SECONDS: Final = 30.0
"""Seconds that one request may take: one without an answer leaves time for retries."""
MAX_WAIT: Final = 86_400.0
"""Seconds to which a ``Retry-After`` is cut."""
_FIRST, _LONGEST = 0.5, 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """The bounds of an operation: how many retries, and seconds with all of them."""

    retries: float = 8
    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform

    def endless(self) -> RetryPolicy:
        """Return the policy without bounds, of a feed that was open before."""
        return replace(self, retries=math.inf, seconds=math.inf)

    def is_transient(self, outcome: Reply | Failure) -> bool:
        """Return whether a request may succeed when it is sent again as it is.

        What runs without bounds outlives every error of the server.
        """
        if isinstance(outcome, Failure):
            return True
        if outcome.status == 409:
            return "retry-after" in outcome.headers
        return outcome.status in TRANSIENT or (outcome.status >= 500 and self.retries == math.inf)

    def start(self) -> Retries:
        """Return the retries of one operation, which begins now."""
        return Retries(self)


class Retries:
    """The failures of one operation, and what is left of its bounds."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._until = policy.clock() + policy.seconds
        self.failures = 0

    @property
    def left(self) -> float:
        """The seconds that are left of the operation."""
        return self._until - self._policy.clock()

    @property
    def request_seconds(self) -> float:
        """The seconds that the next request may take."""
        return max(min(REQUEST_SECONDS, self.left), 0.001)

    def pause(self, outcome: Reply | Failure) -> float | None:
        """Return the seconds to wait after a failure, or None when there is no further attempt."""
        self.failures += 1
        seconds = backoff(self.failures, self._policy.uniform)
        if isinstance(outcome, Reply):
            seconds = max(seconds, retry_after(outcome.headers.get("retry-after")))
        if self.failures > self._policy.retries or seconds >= self.left:
            return None
        return seconds


def backoff(failures: int, uniform: Callable[[float, float], float] = random.uniform) -> float:
    """Return the seconds to wait after so many failures: random, growing, at most 30.

    >>> [backoff(failures, max) for failures in (1, 2, 3, 9)]
    [0.5, 1.0, 2.0, 30.0]
    """
    return uniform(0, min(_LONGEST, _FIRST * 2 ** min(failures - 1, 10)))


def retry_after(text: str | None, now: float | None = None) -> float:
    """Return the seconds that a ``Retry-After`` names, as a number or an HTTP date; 0 for none.

    >>> retry_after('Sun, 06 Nov 1994 08:49:37 GMT', now=784111770)
    7.0
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_WAIT)
    try:
        moment = http_date_to_millis(text) / 1000
    except ValueError:
        return 0.0
    return min(max(moment - (time.time() if now is None else now), 0.0), MAX_WAIT)
