"""Walks that come back to where they were, by a server's own links."""

from __future__ import annotations


class Circle:
    """The check of a walk from link to link, in constant memory (Brent's algorithm).

    >>> circle = Circle()
    >>> [circle.closes(place) for place in 'abcbc']
    [False, False, False, False, True]
    """

    def __init__(self) -> None:
        self._kept: object = None
        self._steps, self._limit = 0, 1

    def closes(self, place: object) -> bool:
        """Return whether the walk is at a place where it was before, a few rounds later at most."""
        if place == self._kept:
            return True
        self._steps += 1
        if self._steps == self._limit:
            self._kept = place
            self._steps, self._limit = 0, 2 * self._limit
        return False
