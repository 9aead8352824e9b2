"""Failed passwords, counted before the next one is hashed: guessing gets slower and slower.

Rules:

- Failures are counted by the network that they come from, for each name and for all names together.
  All spellings of a name that `brubeck.models` takes for one are counted together. So an
  attacker is slowed down, and the true user is let in from elsewhere.
- Past a number of failures each further one makes the network wait, twice as long each time. While
  it waits, no password is looked at: every answer is 429 with ``Retry-After``.
- Of the attempts of a network two are checked at once, and some more wait for that; the others are
  429. However many one network sends, those of others are checked in between.
- A network that has failed lately, or has another attempt under way, is suspected, and of all
  suspected ones together two attempts are checked at once: those of quiet networks pass them.
- A right password forgets the failures of its name; a quiet quarter of an hour forgets all.

The counts stay in the process, and are bounded: an attacker with as many networks as there are
entries is slowed down by the price of the hashes alone.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic
from typing import Final

from brubeck.auth.usernames import canonical_name
from brubeck.green.waking import FairSemaphore
from brubeck.http import Problem
from brubeck.http.proxies import network

OF_A_NAME: Final = 10
"""How many failures a network has for one name before it waits."""
OF_A_NETWORK: Final = 100
"""How many failures a network has for all names together before it waits."""
AT_ONCE: Final = 2
"""How many attempts of a network are checked at once."""
SUSPECTED: Final = 2
"""How many attempts of all suspected networks are checked at once."""
MAX_PENDING: Final = 64
"""How many attempts of a network may be under way at once, right or wrong."""
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
        self._pending: Counter[str] = Counter()
        self._turns: dict[str, FairSemaphore] = {}
        self._suspected: dict[str, FairSemaphore] = {}
        """One for all of them, made when it is needed: the process may have no engine before."""

    def refuse(self, address: str, name: str) -> None:
        """Raise a `Problem` (429) while the network of an address has to wait.

        It is asked before a cache of right passwords, too: whoever waits learns of none.
        """
        if self._failures:
            for key, free in self._keys(address, name).items():
                self._check(key, free)

    @staticmethod
    def _keys(address: str, name: str) -> dict[_Key, int]:
        origin = network(address)
        of_name = origin, canonical_name(name[:_NAME_LENGTH])[:_NAME_LENGTH]
        return {of_name: OF_A_NAME, (origin, ""): OF_A_NETWORK}

    @contextmanager
    def attempt(self, address: str, name: str) -> Iterator[Attempt]:
        """Yield an attempt to log in, which fails unless `Attempt.succeed` is called.

        Raises a `Problem` (429) while the network of the address has to wait.
        """
        keys = self._keys(address, name)
        of_name = next(iter(keys))
        origin = of_name[0]
        for key, free in keys.items():
            self._check(key, free)
        attempt = Attempt()
        with self._turn(origin), self._turn_of_suspected(origin):
            for key, free in keys.items():
                self._check(key, free)  # others of the network may have failed meanwhile
            yield attempt
        if attempt.succeeded:
            self._failures.pop(of_name, None)
        else:
            for key in keys:
                self._count(key)

    @contextmanager
    def _turn(self, origin: str) -> Iterator[None]:
        """Wait until few enough attempts of a network are checked; 429 where too many wait."""
        if self._pending[origin] >= MAX_PENDING:  # as yet nobody knows whether they are right
            raise _wait(1.0)
        self._pending[origin] += 1
        turns = self._turns.setdefault(origin, FairSemaphore(AT_ONCE))
        try:
            with turns:
                yield
        finally:
            self._pending[origin] -= 1
            if self._pending[origin] <= 0:
                del self._pending[origin]
                self._turns.pop(origin, None)

    def _turn_of_suspected(self, origin: str) -> AbstractContextManager[object]:
        """Return a context for few suspected networks at once; of any number for a quiet one."""
        _, last = self._failures.get((origin, ""), (0, -math.inf))
        if self._pending[origin] == 1 and self._now() - last > FORGOTTEN:
            return nullcontext()
        return self._suspected.setdefault("", FairSemaphore(SUSPECTED))

    def _check(self, key: _Key, free: int) -> None:
        count, last = self._failures.get(key, (0, 0.0))
        wait = min(2.0 ** min(count - free, 20), LONGEST_WAIT) if count >= free else 0.0
        left = last + wait - self._now()
        if left > 0:
            raise _wait(left)

    def _count(self, key: _Key) -> None:
        now = self._now()
        count, last = self._failures.pop(key, (0, now))
        self._failures[key] = (1 if now - last > FORGOTTEN else count + 1, now)
        while len(self._failures) > _SIZE:
            self._failures.popitem(last=False)


def _wait(seconds: float) -> Problem:
    detail = "There were too many failed attempts to log in; wait before the next one."
    return Problem(429, detail, headers={"Retry-After": str(math.ceil(seconds))})


class Attempt:
    """One attempt to log in."""

    succeeded = False

    def succeed(self) -> None:
        """Note that the password was right."""
        self.succeeded = True
