"""Links of a page to the same stream with other parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from brubeck.streams.cursors import url

CURSORS: Final = frozenset(("before", "after"))
_OF_PAGES: Final = frozenset(("limit", "count", "total"))
_LONGEST: Final = 2000
"""The maximal length of the parameters, as a URL has them, that are repeated in many links."""

Pairs = Sequence[tuple[str, str]]


class Links:
    """The links of a stream's page: each keeps the parameters but those that it changes.

    A link that changes the items of the walk leaves out the cursor, which may lie outside. Those
    that a page has many of are empty where the parameters are long: each would repeat them.
    """

    def __init__(self, base: str, pairs: Pairs) -> None:
        self.base = base
        self.pairs = list(pairs)
        self._is_long = len(url("", self.pairs)) > _LONGEST

    def without(self, name: str, value: str) -> str:
        """Return the link without one value of a parameter; one of many."""
        if self._is_long:
            return ""
        return self._url([pair for pair in self._uncut if pair != (name, value)])

    def among(self, name: str, value: str) -> str:
        """Return the link with a parameter, in the place of its other values; one of many."""
        return "" if self._is_long else self.having(name, value)

    def having(self, name: str, value: str) -> str:
        """Return the link with a parameter, in the place of its other values."""
        return self._url([*(pair for pair in self._uncut if pair[0] != name), (name, value)])

    def at(self, name: str, cursor: int) -> str:
        """Return the link to the page that starts ``before`` or ``after`` a moment; one of many."""
        return "" if self._is_long else self._url([*self._uncut, (name, str(cursor))])

    def lacking(self, *names: str) -> list[tuple[str, str]]:
        """Return the parameters without some of them and without the cursor, for a form."""
        return [pair for pair in self._uncut if pair[0] not in names]

    @property
    def first(self) -> str:
        """The link to the first page of the walk."""
        return self._url(self._uncut)

    def shape(self, suffix: str, *, is_export: bool = False) -> str:
        """Return the link to the URL of a shape; an export takes no size and no cursor of a page.

        >>> Links('/quakes', [('kind', 'ice'), ('limit', '5')]).shape('.csv', is_export=True)
        '/quakes.csv?kind=ice'
        """
        pairs = self.pairs
        if is_export:
            pairs = [pair for pair in self._uncut if pair[0] not in _OF_PAGES]
        return url(f"{self.base}{suffix}", pairs)

    @property
    def _uncut(self) -> list[tuple[str, str]]:
        return [pair for pair in self.pairs if pair[0] not in CURSORS]

    def _url(self, pairs: list[tuple[str, str]]) -> str:
        return url(self.base, pairs)


def tidied(pairs: Pairs) -> list[tuple[str, str]] | None:
    """Return the parameters of a form as a link has them, or None where they are so already.

    A form sends its empty inputs too, and each ticked column by itself.

    >>> tidied([('kind', ''), ('fields', 'id'), ('limit', '5'), ('fields', 'place')])
    [('limit', '5'), ('fields', 'id,place')]
    """
    kept = [pair for pair in pairs if pair[1]]
    fields = [value for name, value in kept if name == "fields"]
    if len(fields) > 1:
        kept = [pair for pair in kept if pair[0] != "fields"] + [("fields", ",".join(fields))]
    return None if len(kept) == len(pairs) else kept
