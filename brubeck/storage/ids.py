"""Ids of items: which texts may be one, and making one that sorts by when it was made."""

from __future__ import annotations

import re
import secrets
from struct import Struct
from typing import Final

from brubeck import green
from brubeck.timekeeping import curtime

ID: Final = re.compile(r"(?!changes$)[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}", re.ASCII)
RULE: Final = (
    "An id has 1 to 128 characters of A-Z a-z 0-9 . _ : -, "
    'begins with a letter or digit, and is not "changes".'
)

_RANDOM_BITS: Final = 74
_STEPS: Final = Struct("64I")
_VERSION: Final = 0x7000
_VARIANT: Final = 0x8000_0000_0000_0000


def is_id(text: str) -> bool:
    """Return whether a text may be the id of an item.

    >>> is_id('ci37868143'), is_id('changes'), is_id('-a'), is_id('a/b')
    (True, False, False, False)
    """
    return ID.fullmatch(text) is not None


class IdMaker:
    """Makes UUIDs of version 7 (RFC 9562, section 5.7) that ascend in the order they are made.

    Within one millisecond the random part counts up from a random start, so that items of the same
    moment sort as they came.
    """

    def __init__(self) -> None:
        self._millis = 0
        self._random = 0
        self._steps: list[int] = []
        """Random numbers of 32 bits that are still to be used: they come many at a time."""
        # The lock of the interpreter itself: nothing below waits, so that green threads are not
        # switched while it is held, and one of theirs would cost as much as the id.
        self._lock = green.native("threading", "Lock")()

    def __call__(self) -> str:
        """Return the next id."""
        with self._lock:
            now = curtime()
            if now > self._millis:
                # The highest bit starts at zero: room to count up.
                self._millis, self._random = now, secrets.randbits(_RANDOM_BITS - 1)
            else:
                if not self._steps:
                    self._steps = list(_STEPS.unpack(secrets.token_bytes(_STEPS.size)))
                self._random += 1 + self._steps.pop()
                if self._random >> _RANDOM_BITS:
                    self._millis, self._random = self._millis + 1, 0
            return uuid7(self._millis, self._random)


def uuid7(millis: int, random: int) -> str:
    """Return the UUID of version 7 of a moment (ms since the epoch) and 74 random bits."""
    high, low = random >> 62, _VARIANT | (random & ((1 << 62) - 1))
    return "%08x-%04x-%04x-%04x-%012x" % (  # noqa: UP031, quicker, and there is one an item
        millis >> 16,
        millis & 0xFFFF,
        _VERSION | high,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF,
    )


new_id: Final = IdMaker()
