"""Header fields: an ordered mapping, names in any case, and no way to smuggle a second field in.

Rules (RFC 9110, section 5):

- A name is a token; a value holds no CR, LF or NUL and fits Latin-1. Anything else is refused when
  it is set, so that no later code can write a header that says more than it was given.
- Setting a name replaces its values; `add` keeps them. Reading gives the values joined by a comma.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN: Final = re.compile("[\r\n\0]|[^\x00-\xff]")


IDENTITY: Final = {"cookie": "Cookie", "authorization": "Authorization"}
"""The request headers that identify the caller, by their names in lower case."""


class Headers(MutableMapping[str, str]):
    r"""The header fields of one message, in the order in which they were set.

    >>> headers = Headers({'Content-Type': 'text/plain'})
    >>> headers['content-type']
    'text/plain'
    >>> headers['X-Note'] = 'one\r\nSet-Cookie: two'
    Traceback (most recent call last):
    ValueError: a header value may not hold CR, LF, NUL or characters outside Latin-1: X-Note
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        # Lower-case name → (name as first given, its values): one look-up for the common question,
        # and nothing in it changes, so that a copy shares all of it.
        self._fields: dict[str, tuple[str, tuple[str, ...]]] = {}
        pairs = fields.items() if isinstance(fields, Mapping) else fields
        for name, value in pairs:
            self.add(name, value)

    @classmethod
    def from_wire(cls, pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Make the headers of a received message, which a parser has already held to the rules."""
        headers = cls.__new__(cls)
        fields: dict[str, tuple[str, tuple[str, ...]]] = {}
        repeated: dict[str, list[str]] = {}
        for raw_name, raw_value in pairs:
            name = raw_name.decode("latin-1")
            value = raw_value.decode("latin-1")
            lower = name.lower()
            if lower in fields:
                repeated.setdefault(lower, []).append(value)
            else:
                fields[lower] = (name, (value,))
        for lower, values in repeated.items():
            name, first = fields[lower]
            fields[lower] = (name, (*first, *values))
        headers._fields = fields
        return headers

    def add(self, name: str, value: str) -> None:
        """Add a value and keep those that the name already has; `ValueError` for a bad one."""
        _check(name, value)
        known, values = self._fields.get(name.lower(), (name, ()))
        self._fields[name.lower()] = (known, (*values, value))

    def copy(self) -> Headers:
        """Return headers of their own that say the same."""
        copied = Headers.__new__(Headers)
        copied._fields = self._fields.copy()
        return copied

    def get_all(self, name: str) -> list[str]:
        """Return every value of a name, in order; none is an empty list."""
        known = self._fields.get(name.lower())
        return list(known[1]) if known else []

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, or the default where it has none."""
        known = self._fields.get(name.lower())
        if known is None:
            return default
        values = known[1]
        return values[0] if len(values) == 1 else ", ".join(values)

    def text(self) -> str:
        """Return the field lines as they stand on the wire."""
        return "".join(
            [f"{name}: {value}\r\n" for name, values in self._fields.values() for value in values]
        )

    def having(self, name: str, value: str) -> Headers:
        """Return headers of their own with one field replaced; its value is known to be good."""
        changed = Headers.__new__(Headers)
        changed._fields = {**self._fields, name.lower(): (name, (value,))}
        return changed

    def replace(self, other: Headers) -> None:
        """Take over the fields of other headers, with all their values, in place of its own."""
        self._fields.update(other._all_fields())

    def _all_fields(self) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        return self._fields

    def lacks(self, names: frozenset[str]) -> bool:
        """Return whether none of these names, given in lower case, is there."""
        return self._fields.keys().isdisjoint(names)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield a (name, value) pair for each field line."""
        for name, values in self._fields.values():
            for value in values:
                yield name, value

    def __getitem__(self, name: str) -> str:
        values = self._fields[name.lower()][1]
        return values[0] if len(values) == 1 else ", ".join(values)

    def __setitem__(self, name: str, value: str) -> None:
        _check(name, value)
        self._fields[name.lower()] = (name, (value,))

    def __delitem__(self, name: str) -> None:
        del self._fields[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({list(self.pairs())!r})"


class RequestHeaders(Headers):
    """The header fields of a request, with a note of those read that identify the caller.

    ``identity`` are the names of such fields that were read: an answer may depend on them.
    """

    __slots__ = ("identity",)

    identity: set[str]

    @classmethod
    def watch(cls, headers: Headers, identity: set[str]) -> RequestHeaders:
        """Return the same fields, watched; those of the next request may be the given ones, too."""
        watched = cls.__new__(cls)
        watched._fields = headers._fields.copy()
        watched.identity = identity
        return watched

    def copy(self) -> RequestHeaders:
        """Return a copy; reads of credentials from it are noted here, too."""
        return self.watch(self, self.identity)

    def having(self, name: str, value: str) -> RequestHeaders:
        """Return headers of their own with one field replaced; its value is known to be good."""
        return self.watch(super().having(name, value), self.identity)

    def lacks(self, names: frozenset[str]) -> bool:
        """Return whether none of these lower-case names is there."""
        for name in names:
            self._note(name)
        return super().lacks(names)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, or the default where it has none."""
        self._note(name)
        return super().get(name, default)

    def get_all(self, name: str) -> list[str]:
        """Return every value of a name, in order; none is an empty list."""
        self._note(name)
        return super().get_all(name)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield a (name, value) pair for each field line."""
        self.identity.update(IDENTITY.values())
        return super().pairs()

    def _all_fields(self) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        self.identity.update(IDENTITY.values())
        return super()._all_fields()

    def text(self) -> str:
        """Return the field lines as they stand on the wire."""
        self.identity.update(IDENTITY.values())
        return super().text()

    def __iter__(self) -> Iterator[str]:
        self.identity.update(IDENTITY.values())
        return super().__iter__()

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self._note(name)
        return super().__contains__(name)

    def __getitem__(self, name: str) -> str:
        self._note(name)
        return super().__getitem__(name)

    def _note(self, name: str) -> None:
        known = IDENTITY.get(name) or IDENTITY.get(name.lower())
        if known is not None:
            self.identity.add(known)


def _check(name: str, value: str) -> None:
    if not _is_token(name):
        raise ValueError(f"not a header name: {name!r}")
    # The first question is the cheaper one, and its yes is nearly always enough.
    if not (value.isascii() and value.isprintable()) and _FORBIDDEN.search(value):
        raise ValueError(
            "a header value may not hold CR, LF, NUL or characters outside Latin-1: " + name
        )


@lru_cache(maxsize=512)
def _is_token(name: str) -> bool:
    # A program uses few names, over and over.
    return _TOKEN.fullmatch(name) is not None


def list_values(value: str) -> list[str]:
    """Return the members of a comma-separated header (RFC 9110, section 5.6.1).

    Commas inside quoted strings do not separate; empty members are dropped.

    >>> list_values('W/"a,b", "c" ,, *')
    ['W/"a,b"', '"c"', '*']
    """
    members, start, quoted = [], 0, False
    index = 0
    while index < len(value):
        char = value[index]
        if char == "\\" and quoted:
            index += 1
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            members.append(value[start:index])
            start = index + 1
        index += 1
    members.append(value[start:])
    return [member for member in (each.strip(" \t") for each in members) if member]
