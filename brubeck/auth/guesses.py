"""Failed passwords, counted before the next one is hashed: guessing gets slower and slower.

Rules:

- Failures are counted by the network that they come from, for each name and for all names together.
  All spellings of a name that `brubeck.models` takes for one are counted together. So an
  attacker is slowed down, and the true user is let in from elsewhere.
- Past a number of failures each further one makes the network wait, twice as long each time. While
  it waits, no password is looked at: every answer is 429 with ``Retry-After``.
- A right password forgets the failures of its name; a quiet quarter of an hour forgets all.

The counts stay in the process, and are bounded: an attacker with as many networks as there are
entries is slowed down by the price of the hashes alone.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from brubeck.auth.usernames import canonical_name
from brubeck.http import Problem
from brubeck.http.proxies import network

OF_A_NAME: Final = 10
"""How many failures a network has for one name before it waits."""
OF_A_NETWORK: Final = 100
"""How many failures a network has for all names together before it waits."""
AT_ONCE: Final = 4
"""How many times as many attempts may be under way at once, right or wrong."""
LONGEST_WAIT: Final = 300.0
"""Seconds that a network waits at the most."""
FORGOTTEN: Final = 900.0
"""Seconds after the last failure in which all are forgotten."""
_SIZE: Final = 20_000
_NAME_LENGTH: Final = 256  # characters of a name that count: a longer one would take much memory
_Key = tuple[str, str]


class Guesses:
    """The failures of late, by network and name."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[_Key, tuple[int, float]] = OrderedDict()
        self._pending: Counter[_Key] = Counter()

    @contextmanager
    def attempt(self, address: str, name: str) -> Iterator[Attempt]:
        """Yield an attempt to log in, which fails unless `Attempt.succeed` is called.

        Raises a `Problem` (429) while the network of the address has to wait.
        """
        origin = network(address)
        of_name = origin, canonical_name(name[:_NAME_LENGTH])[:_NAME_LENGTH]
        keys = {of_name: OF_A_NAME, (origin, ""): OF_A_NETWORK}
        for key, free in keys.items():
            self._check(key, free)
        attempt = Attempt()
        self._pending.update(keys.keys())
        try:
            yield attempt
        finally:
            self._pending.subtract(keys.keys())
            self._pending += Counter()  # leaves out what is zero
        if attempt.succeeded:
            self._failures.pop(of_name, None)
        else:
            for key in keys:
                self._count(key)

    def _check(self, key: _Key, free: int) -> None:
        count, last = self._failures.get(key, (0, 0.0))
        wait = min(2.0 ** min(count - free, 20), LONGEST_WAIT) if count >= free else 0.0
        left = last + wait - self._now()
        if self._pending[key] >= free * AT_ONCE:  # as yet nobody knows whether they are right
            left = max(left, 1.0)
        if left > 0:
            detail = "There were too many failed attempts to log in; wait before the next one."
            raise Problem(429, detail, headers={"Retry-After": str(math.ceil(left))})

    def _count(self, key: _Key) -> None:
        now = self._now()
        count, last = self._failures.pop(key, (0, now))
        self._failures[key] = (1 if now - last > FORGOTTEN else count + 1, now)
        while len(self._failures) > _SIZE:
            self._failures.popitem(last=False)


class Attempt:
    """One attempt to log in."""

    succeeded = False

    def succeed(self) -> None:
        """Note that the password was right."""
        self.succeeded = True
