"""Decoding long texts while the collector of cyclic garbage rests.

A text of a mebibyte makes several hundred thousand objects in one call of C, and none of them is
garbage yet. The collector looks through all of them again and again meanwhile: that takes ten times
as long as the decoding, and nobody else has a turn.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

S = TypeVar("S", str, bytes)
T = TypeVar("T")

LONG: Final = 1 << 16
"""The number of bytes from which a text is worth it."""


def decoded(decode: Callable[[S], T], raw: S) -> T:
    """Return the value that a decoder makes of a text."""
    return decode(raw) if len(raw) < LONG else rested(partial(decode, raw))


def rested(work: Callable[[], T]) -> T:
    """Return the value of some work, for which the collector rests unless it does already.

    Where the work gives others a turn it rests for them, too, and makes up for it at the end.
    """
    if not gc.isenabled():
        return work()
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()
