"""The rules for the values of a record, for documents and storages alike.

Rules:

- Whole numbers lie within ±2^63, other numbers are finite.
- Text is Unicode without NUL and without half a surrogate pair.
- Objects and lists are nested 32 deep at most.
- A record has at most 1 MiB, as JSON in UTF-8.

So no storage can keep what another could not, and each gives a record back byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any, Final, TypeAlias

from brubeck import green

LEAST: Final = -(2**63)
"""The least whole number that may be stored."""
MOST: Final = 2**63 - 1
"""The greatest whole number that may be stored."""
MAX_DEPTH: Final = 32
"""How many objects and lists may stand in each other."""
MAX_BYTES: Final = 1 << 20
"""How many bytes a record may have."""

TOO_DEEP: Final = f"This is nested too deeply; {MAX_DEPTH} levels are the most."
OUT_OF_RANGE: Final = "This number is out of range."
BAD_TEXT: Final = "This text holds a NUL or half a surrogate pair, which cannot be stored."
BAD_KEY: Final = "The keys of an object must be text."
NOT_JSON: Final = "This is not a value that JSON can hold."

Path: TypeAlias = tuple[Any, str | int] | None
"""The way to a value: that to its container, and its key there; None for the whole."""
CONTAINERS: Final = (dict, list, tuple)
_MANY: Final = 4096  # members of one object or list after which others may have a turn
_LONGEST_NAME: Final = 200  # characters of a name in the pointer of an error


def sound_text(text: str) -> bool:
    """Return whether a text can be stored: no NUL, no lone surrogate."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def scalar_fault(value: object) -> str | None:
    """Return the fault of a value that is neither object nor list, or None."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if sound_text(value) else BAD_TEXT
    if isinstance(value, int):
        return None if LEAST <= value <= MOST else OUT_OF_RANGE
    if isinstance(value, float):
        return None if isfinite(value) else OUT_OF_RANGE
    return NOT_JSON


def faults(value: object, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield a (JSON pointer, sentence) pair for each thing in a value that breaks the rules.

    ``depth`` is the level on which the value itself stands. A pointer is made only for a fault: a
    name may be long, and have many members below it.
    """
    if not isinstance(value, CONTAINERS):
        if fault := scalar_fault(value):
            yield "", fault
        return
    waiting: list[tuple[Any, Path, int]] = [(value, None, depth)]
    while waiting:
        green.take_turn()
        item, path, level = waiting.pop()
        if level >= MAX_DEPTH:
            yield pointer(path), TOO_DEEP
            continue
        if isinstance(item, dict) and (fault := _key_fault(item)):
            yield pointer(path), fault
        for number, (key, member) in enumerate(members(item)):
            if number % _MANY == 0:
                green.take_turn()
            if isinstance(member, CONTAINERS):
                waiting.append((member, (path, key), level + 1))
            elif fault := scalar_fault(member):
                yield pointer((path, key)), fault


def members(item: Any) -> Iterable[tuple[Any, Any]]:
    """Return the keys and values of an object, the indexes and items of a list."""
    return item.items() if isinstance(item, dict) else enumerate(item)


def _key_fault(item: dict[Any, object]) -> str | None:
    for key in item:
        if not isinstance(key, str):
            return BAD_KEY
        if not sound_text(key):
            return BAD_TEXT
    return None


def pointer(path: Path) -> str:
    """Return the JSON pointer of a path (RFC 6901), with long names cut."""
    if path is None:
        return ""
    parent, key = path
    return f"{pointer(parent)}/{pointer_token(str(key))[:_LONGEST_NAME]}"


def pointer_token(key: str) -> str:
    """Return a name as one token of a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")
