"""The one form of a record that every storage gives back as it came, byte for byte.

A body is a JSON object in UTF-8 of at most 1 MiB. Its integers lie within ±2^63, its numbers are
finite, its texts hold no surrogates and no NUL, and nothing in it is deeper than 32. What is not so
is refused before any storage sees it: so none can keep what another could not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any, Final, TypeAlias

import msgspec

from brubeck import green
from brubeck.green.collecting import decoded
from brubeck.storage.errors import NotCanonical

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
_TOO_DEEP: Final = f"Nothing may be nested deeper than {MAX_DEPTH}."
_MANY: Final = 4096  # members of one object or list after which others may have a turn
_LONGEST_NAME: Final = 200  # characters of a name in the pointer of an error
_Path: TypeAlias = tuple[Any, str | int] | None
_INTEGERS: Final = range(-(1 << 63), 1 << 63)


def check_canonical(body: bytes, *, values: bool = True) -> None:
    """Raise `NotCanonical` for a body that is not canonical.

    ``values`` False leaves out the look at each value, for a body whose schema has already held
    its numbers, texts and depth to the rules.
    """
    if len(body) > MAX_BYTES:
        raise NotCanonical("", f"An item has at most {MAX_BYTES} bytes; this one has {len(body)}.")
    if not values and b"\\u0000" not in body:
        return
    try:
        value = decoded(msgspec.json.decode, body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
        raise NotCanonical("", f"Not JSON: {reason}.") from reason
    for pointer, detail in faults(value):
        raise NotCanonical(pointer, detail)


def faults(value: object) -> Iterator[tuple[str, str]]:
    """Yield a (JSON pointer, sentence) pair for each fault of a value that is not canonical.

    A pointer is made only for a fault: a name may be long, and have many members below it.
    """
    waiting: list[tuple[object, _Path, int]] = [(value, None, 1)]
    while waiting:
        green.take_turn()
        item, path, depth = waiting.pop()
        members: Iterable[tuple[str | int, object]] = ()
        if isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                yield _pointer(path), _TOO_DEEP
                continue
            members = item.items() if isinstance(item, dict) else enumerate(item)
        elif fault := _fault(item):
            yield _pointer(path), fault
        for number, (key, member) in enumerate(members):
            if number % _MANY == 0:
                green.take_turn()
            if isinstance(key, str) and (fault := _fault(key)):
                yield _pointer(path), fault
            if isinstance(member, dict | list):
                waiting.append((member, (path, key), depth + 1))
            elif fault := _fault(member):
                yield _pointer((path, key)), fault


def _pointer(path: _Path) -> str:
    if path is None:
        return ""
    parent, key = path
    return f"{_pointer(parent)}/{pointer_token(str(key))[:_LONGEST_NAME]}"


def _fault(value: object) -> str | None:
    """Return the fault of a value that is neither an object nor a list; None for a valid one."""
    if isinstance(value, str):
        good = "\0" not in value and _encodable(value)
        return None if good else "A text may not hold NUL or a lone surrogate."
    if isinstance(value, int):
        return None if value in _INTEGERS else "A whole number lies within ±2^63."
    if isinstance(value, float):
        return None if isfinite(value) else "A number is finite."
    return None if value is None else f"{type(value).__name__} is not JSON."


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def pointer_token(key: str) -> str:
    """Return a name as one token of a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")
