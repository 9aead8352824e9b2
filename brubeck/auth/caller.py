"""The caller: the verified identity of a request."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Protocol

import msgspec


class Person(Protocol):
    """Somebody with rights, as a `Caller` and an `Account` are."""

    @property
    def id(self) -> str:
        """The id that names them for ever."""

    @property
    def username(self) -> str:
        """Their name for other people."""

    @property
    def scopes(self) -> AbstractSet[str]:
        """The scopes that they have."""


def check_person(person: Person) -> None:
    """Raise `TypeError` for an id, a name or scopes of another type, which would give other rights.

    An id that is None would be nobody's, before whom nothing is hidden; a text has each part of
    itself for a scope; and a number is another id in each storage.
    """
    kind = type(person).__name__
    for name in ("id", "username"):
        value = getattr(person, name)
        if not isinstance(value, str):
            raise TypeError(f"{kind}.{name} is a text, not {type(value).__name__}")
    scopes: object = person.scopes
    if not isinstance(scopes, AbstractSet) or not all(isinstance(each, str) for each in scopes):
        raise TypeError(f"{kind}.scopes is a set of texts, not {type(scopes).__name__}")


class Caller(msgspec.Struct, frozen=True):
    """The caller of a request, by its verified credentials.

    ``id`` names it for ever, ``username`` to other people. ``credential`` is a name, and no
    secret, of the credentials: it is the same with every request that brings the same credentials,
    so requests may be counted by it.

    >>> caller = Caller('7', 'dave', frozenset({'quakes:read'}))
    >>> caller.may('quakes:read'), caller.may('quakes:write'), caller.may(None)
    (True, False, True)
    """

    id: str
    username: str = ""
    scopes: frozenset[str] = frozenset()
    credential: str = ""

    def __post_init__(self) -> None:
        check_person(self)

    def may(self, scope: str | None) -> bool:
        """Return whether the caller has a scope; None is the right of all authenticated callers."""
        return scope is None or scope in self.scopes
