"""Rate limits: a number of requests of one caller in a window of time, counted by the storage.

Windows are those of the clock, so that every process counts in the same one and can say when it
ends. The fields are those of the IETF's draft (draft-ietf-httpapi-ratelimit-headers).
"""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec

from brubeck.config.values import duration
from brubeck.errors import ConfigError
from brubeck.http import Problem
from brubeck.storage import Storage

_RATE: Final = re.compile(r"([1-9]\d{0,8})/(.+)", re.ASCII)
_UNITS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}


class Rate(msgspec.Struct, frozen=True):
    """A rate limit: the number of requests of a caller in a window of seconds."""

    hits: int
    seconds: float

    @property
    def policy(self) -> str:
        """The value of ``RateLimit-Policy``."""
        return f'"default";q={self.hits};w={math.ceil(self.seconds)}'

    def count(self, store: Storage, key: str, now: float) -> dict[str, str]:
        """Count a request at a moment (seconds), and return the headers with the remaining quota.

        Raises a `Problem` (429) when the quota is used up.
        """
        window, into = divmod(now, self.seconds)
        hits = store.hit(f"rate:{key}:{int(window)}", self.seconds)
        ends = max(1, math.ceil(self.seconds - into))
        headers = {
            "RateLimit-Policy": self.policy,
            "RateLimit": f'"default";r={max(self.hits - hits, 0)};t={ends}',
        }
        if hits > self.hits:
            detail = f"There were more than {self.hits} requests in {self.seconds:g} seconds."
            raise Problem(429, detail, headers=headers | {"Retry-After": str(ends)})
        return headers


def declare_rate(rate: object, owner: str) -> Rate | None:
    """Return the rate that a handler declares, ``100/minute`` or ``5/10s``; None limits nothing.

    >>> declare_rate('100/minute', 'Quakes')
    Rate(hits=100, seconds=60.0)
    """
    if rate is None:
        return None
    match = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    hits, time = match.groups() if match else ("0", "")
    try:
        return Rate(int(hits), _UNITS.get(time) or duration(time))
    except ValueError:
        raise ConfigError(f"{owner}.rate is like '100/minute' or '5/10s', not {rate!r}.") from None
