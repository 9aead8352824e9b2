r"""Routing: from a path to what handles it, in nearly the same time for one route and a thousand.

Rules:

- A route is a regular expression, matched at the beginning of the path, and a handler. Of several
  that match, the first one that was added wins, and a fallback only where no other matches.
- Named groups become keyword arguments and then nothing else counts; without any, the groups
  become positional arguments. A named group that took no part is left out, so that the
  handler's own default counts.

The literal text that every match of an expression must begin with is read off it (``/users/`` of
``^/users/(\d+)$``). Only routes whose text the path begins with are tried, found by one look-up for
each length such a text has.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from brubeck.errors import ConfigError

Handler = Callable[..., object]

_PLAIN: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/~,:;@!%&='\"<># "
)
_ESCAPED: Final = re.compile(r"\\([^0-9A-Za-z])")
_GROUPED: Final = re.compile(r"\\.|\([^()\[\]\\]*\)")
"""What holds no ``|`` of the outermost level: escapes, and groups without groups or classes."""

_LAST: Final = 1 << 60
"""Where the fallbacks begin in the order."""


class Route(msgspec.Struct, frozen=True):
    """One route: its place in the order, its expression, handler and, if only some, its methods."""

    order: int
    regex: re.Pattern[str]
    handler: Handler
    methods: frozenset[str] | None = None

    def allows(self, method: str) -> bool:
        """Tell whether the route is for a method."""
        return self.methods is None or method in self.methods

    @property
    def pattern(self) -> str:
        """The expression as it was given."""
        return self.regex.pattern


class Match(msgspec.Struct):
    """What a path leads to: a route, and the arguments that the path holds."""

    route: Route
    args: tuple[str | None, ...] = ()
    kwargs: dict[str, str] = {}


class Router:
    r"""An ordered table of routes.

    >>> router = Router()
    >>> _ = router.add(r'^/users/(?P<name>\w+)$', print)
    >>> router.match('/users/ella').kwargs
    {'name': 'ella'}
    >>> router.match('/users/') is None
    True
    """

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self._by_prefix: dict[str, list[Route]] = {}
        self._lengths: list[int] = []

    def add(
        self,
        pattern: str,
        handler: Handler,
        methods: frozenset[str] | None = None,
        *,
        fallback: bool = False,
    ) -> Route:
        """Add a route behind all others; `ConfigError` for an expression that is none.

        A fallback stands behind those that are added later, too.
        """
        try:
            regex = re.compile(pattern)
        except re.error as reason:
            raise ConfigError(f"The route {pattern!r} is not a pattern: {reason}.") from reason
        order = len(self.routes) + (_LAST if fallback else 0)
        route = Route(order, regex, handler, methods)
        insort(self.routes, route, key=_order)
        insort(self._by_prefix.setdefault(literal_prefix(pattern), []), route, key=_order)
        self._lengths = sorted({len(each) for each in self._by_prefix})
        return route

    def match(self, path: str) -> Match | None:
        """Return the first route that matches a path, or None."""
        for route in self._candidates(path):
            found = route.regex.match(path)
            if found is not None:
                return _match(route, found)
        return None

    def matches(self, path: str) -> Iterator[Match]:
        """Yield every route that matches a path, in order."""
        for route in self._candidates(path):
            found = route.regex.match(path)
            if found is not None:
                yield _match(route, found)

    def _candidates(self, path: str) -> list[Route]:
        by_prefix, length = self._by_prefix, len(path)
        found: list[list[Route]] = []
        for size in self._lengths:
            if size > length:
                break
            bucket = by_prefix.get(path[:size])
            if bucket is not None:
                found.append(bucket)
        if len(found) == 1:
            return found[0]
        merged = [route for bucket in found for route in bucket]
        merged.sort(key=_order)
        return merged


def _match(route: Route, found: re.Match[str]) -> Match:
    if not route.regex.groups:
        return Match(route)
    if named := found.groupdict():
        return Match(route, (), {name: value for name, value in named.items() if value is not None})
    return Match(route, found.groups())


def _order(route: Route) -> int:
    return route.order


def literal_prefix(pattern: str) -> str:
    r"""Return text that every match of an expression begins with; empty when unsure.

    >>> literal_prefix(r'^/users/(\d+)$')
    '/users/'
    >>> literal_prefix('^/colou?r')
    '/colo'
    >>> literal_prefix('^/(a|b)/'), literal_prefix('^/a|/b')
    ('/', '')
    """
    if "|" in _GROUPED.sub("", pattern):
        # Some alternative may stand outside all groups, and then it shares no beginning.
        return ""
    rest, prefix = pattern.removeprefix("^"), ""
    while rest:
        escaped = _ESCAPED.match(rest)
        char, size = (escaped[1], 2) if escaped else (rest[0], 1)
        if not escaped and char not in _PLAIN:
            break
        if rest[size : size + 1] in ("*", "?", "{"):
            break
        prefix, rest = prefix + char, rest[size:]
        if rest.startswith("+"):
            break
    return prefix
