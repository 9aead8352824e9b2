"""The caller: the verified identity of a request."""

from __future__ import annotations

import msgspec


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

    def may(self, scope: str | None) -> bool:
        """Return whether the caller has a scope; None is the right of all authenticated callers."""
        return scope is None or scope in self.scopes
