"""Decoding long texts while the collector of cyclic garbage rests.

A text of a mebibyte makes several hundred thousand objects in one call of C, and none of them is
garbage yet. The collector looks through all of them again and again meanwhile: that takes ten times
as long as the decoding, and nobody else has a turn.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

LONG: Final = 1 << 16
"""The number of bytes from which a text is worth it."""


def decoded(decode: Callable[[bytes], T], raw: bytes) -> T:
    """Return the value that a decoder, which gives nobody else a turn, makes of a text."""
    if len(raw) < LONG or not gc.isenabled():
        return decode(raw)
    gc.disable()
    try:
        return decode(raw)
    finally:
        gc.enable()
