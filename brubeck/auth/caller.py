"""Who asks: what is left of a request's credentials once they were found to be good."""

from __future__ import annotations

import msgspec


class Caller(msgspec.Struct, frozen=True):
    """Whoever a request comes from, as its credentials say.

    ``id`` names them for ever, ``username`` to other people. ``credential`` is a name, and no
    secret, of what they came with: it is the same with every request that brings the same
    credentials, so requests may be counted by it.

    >>> caller = Caller('7', 'dave', frozenset({'quakes:read'}))
    >>> caller.may('quakes:read'), caller.may('quakes:write'), caller.may(None)
    (True, False, True)
    """

    id: str
    username: str = ""
    scopes: frozenset[str] = frozenset()
    credential: str = ""

    def may(self, scope: str | None) -> bool:
        """Tell whether the caller has a scope; None is what everybody may who is known."""
        return scope is None or scope in self.scopes
