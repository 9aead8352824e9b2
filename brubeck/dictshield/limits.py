"""Reading of JSON by the rules of `brubeck.canonical`, and the errors of a document.

No object names a key twice.

`parse` and `add_shape_faults` read JSON by these rules, naming the place of each fault. They are
the careful way; good input never comes here. It may take long, and lets others on meanwhile.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn

from brubeck import green
from brubeck.canonical import CONTAINERS, MAX_DEPTH, TOO_DEEP, Path, faults, members, pointer
from brubeck.dictshield.base import ShieldException, child_pointer
from brubeck.green.collecting import decoded, rested

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_FAULTS: Final = 30
"""The number of reported errors of one document. A hostile one may have a million, and each costs
as much as several good values."""
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A text of JSON; one without an end goes on to the end, so that it is looked for once."""
_AS_LISTS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_PLAIN: Final = frozenset((str, int, bool, float, type(None)))
"""The types of values in which there is no `Decimal`."""
_TOGETHER: Final = 4096
"""How many members of an object or a list are looked at before others may have a turn."""
TWICE: Final = "This key is given more than once."


def too_many(most: int) -> str:
    """Return the last entry of the errors of a document that has more than so many."""
    return f"There are more errors; these are the first {most:,}."


class TooManyFaults(Exception):
    """Raised by `Faults` when it is full."""


class Faults(list[ShieldException]):
    """The errors found so far in a document that is being read, up to a number of them.

    ``tried`` is what has become of items of lists of several kinds. Without it, documents nested
    in such lists would be read again for each kind on each level.
    """

    def __init__(
        self,
        faults: Iterable[ShieldException] = (),
        most: float = MOST_FAULTS,
        tried: dict[Any, Any] | None = None,
    ) -> None:
        super().__init__(faults)
        self.most = most
        self.tried: dict[Any, Any] = {} if tried is None else tried

    def append(self, fault: ShieldException) -> None:
        """Add an error; `TooManyFaults` when there is no room for it."""
        if len(self) >= self.most:
            raise TooManyFaults
        super().append(fault)

    def extend(self, faults: Iterable[ShieldException]) -> None:
        """Add errors, as long as there is room."""
        for fault in faults:
            self.append(fault)

    def attempt(self) -> Faults:
        """Return a collection that is full from the start, to find out whether a value is good."""
        return Faults(most=0, tried=self.tried)


def fault_in(value: object, depth: int = 0) -> tuple[str, str] | None:
    """Return (JSON pointer, sentence) of the first thing in a JSON value that breaks the rules.

    ``depth`` is how deep the value itself already stands.
    """
    return next(faults(value, depth), None)


class _Twice(dict[str, Any]):
    """An object that named a key more than once."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    green.take_turn()
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice, seen = _Twice(found), set[str]()
    for key, _ in pairs:
        if key in seen:
            twice.key = key
        seen.add(key)
    return twice


_VERY_LONG: Final = re.compile(r"\d{32}")
"""A number that may take quadratic time; without one, whole numbers are read in C."""


def _whole(text: str) -> int | Decimal:
    """Return a whole number; a very long one as a Decimal, which costs no quadratic time."""
    green.take_turn()
    return int(text) if len(text) < 32 else _decimal(text)


def _fraction(text: str) -> Decimal:
    green.take_turn()
    return _decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def parse(body: bytes | str) -> Any:
    """Return JSON as Python values, with every number that is not whole as a `Decimal`.

    Raises `ShieldException` for invalid JSON. `add_shape_faults` reports the faults that `parse`
    lets pass.
    """
    try:
        text = body if isinstance(body, str) else str(body, "utf-8")
        read = partial(
            json.loads,
            object_pairs_hook=_object,
            parse_int=_whole if _VERY_LONG.search(text) else int,
            parse_float=_fraction,
            parse_constant=_refuse,
        )
        return decoded(read, text)
    except RecursionError:
        raise ShieldException(TOO_DEEP, None, None) from None
    except UnicodeDecodeError:
        raise ShieldException("This is not UTF-8.", None, None) from None
    except ValueError as reason:
        raise ShieldException(f"This is not JSON: {reason}.", None, None) from None


def add_shape_faults(tree: object, faults: Faults) -> None:
    """Add an error for each key given twice; for a level too deep, leave that one alone."""
    if isinstance(tree, CONTAINERS):
        _look_into(tree, None, 0, faults)


def _look_into(item: Any, path: Path, level: int, faults: Faults) -> bool:
    """Add the errors of an object or a list; return whether to go on."""
    if level >= MAX_DEPTH:
        faults[:] = [ShieldException(TOO_DEEP, None, None, pointer=pointer(path))]
        return False
    if isinstance(item, _Twice):
        place = child_pointer(pointer(path), item.key)
        faults.append(ShieldException(TWICE, item.key, None, pointer=place))
    for some in _parts(item):
        green.take_turn()
        for key, member in some:
            if isinstance(member, CONTAINERS) and not _look_into(
                member, (path, key), level + 1, faults
            ):
                return False
    return True


def _parts(item: Any) -> Iterator[Iterable[tuple[Any, Any]]]:
    """Yield the members of an object or a list, some thousand at a time."""
    if len(item) <= _TOGETHER:
        yield members(item)
        return
    rest = iter(members(item))
    while some := list(islice(rest, _TOGETHER)):
        yield some


def too_deep(raw: bytes) -> Faults:
    """Return the error of JSON that is nested too deeply; most is seen not to be at a glance."""
    faults = Faults()
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _may_be_too_deep(raw):
        add_shape_faults(parse(raw), faults)
    return faults


def _may_be_too_deep(raw: bytes) -> bool:
    """Return whether JSON has objects or lists below the deepest level, or may be no JSON.

    The innermost pairs of brackets are taken away, and so on: one time for each level.
    """
    brackets = _TEXT.sub(b"", raw).translate(_AS_LISTS, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        green.take_turn()
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def without_decimals(value: Any) -> Any:
    """Return a parsed JSON value with floats where `parse` put Decimals.

    A number too long for a float becomes an infinity, which `fault_in` then names. The value is
    no deeper than `add_shape_faults` lets pass.
    """
    return value if _is_plain(value) else rested(partial(_plain, value))


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        inner: Iterable[Any] = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return not isinstance(value, Decimal | tuple)
    green.take_turn()
    return all(type(member) in _PLAIN or _is_plain(member) for member in inner)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        green.take_turn()
        return {
            key: member if type(member) in _PLAIN else _plain(member)
            for key, member in value.items()
        }
    if isinstance(value, (list, tuple)):
        green.take_turn()
        return [member if type(member) in _PLAIN else _plain(member) for member in value]
    return value
