r"""Routing: from a path to its handler, in nearly the same time for one route and a thousand.

Rules:

- A route is a regular expression, matched at the beginning of the path, and a handler. Of several
  that match, the first one that was added wins, and a fallback only where no other matches.
- Named groups become keyword arguments and then nothing else counts; without any, the groups
  become positional arguments. A named group that took no part is left out, so that the
  handler's own default counts.

The literal text that every match of an expression must begin with is read off it (``/users/`` of
``^/users/(\d+)$``). Only routes whose text the path begins with are tried, found by one look-up for
each length such a text has.

A pattern with an open end, ``^/brubeck``, matches ``/brubeckxyz`` too. That is allowed, as in 0.4,
but rarely intended, so it is logged when the route is added.
"""

from __future__ import annotations

import logging
import re
from bisect import insort
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from brubeck.errors import ConfigError

log = logging.getLogger("brubeck.app")

Handler = Callable[..., object]

_PLAIN: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/~,:;@!%&='\"<># "
)
_ESCAPED: Final = re.compile(r"\\([^0-9A-Za-z])")
_GROUPED: Final = re.compile(r"\\.|\([^()\[\]\\]*\)")
"""What holds no ``|`` of the outermost level: escapes, and groups without groups or classes."""

_TOKEN: Final = re.compile(
    r"""
    \\. | \[\^?\]?(?:\\.|[^\]\\])*\]               # an escape, a character class
    | (?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})[?+]?      # a quantifier
    | \(\?[aiLmsux]+\) | \(\?\#[^)]*\)              # flags, a comment
    | \((?:\?(?:P<\w+>|<?[=!]|[:>]|\(\w+\)|[aiLmsux-]+:))?  # the beginning of a group
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDS: Final = frozenset(("$", r"\Z", r"\z", "/", r"\/"))
"""The tokens that fix the further path: nothing, or the paths below."""
_EMPTY: Final = frozenset(("^", r"\A", r"\b", r"\B"))
_ANYTHING: Final = re.compile(
    r"\.|\\S|\[\^[^/]+\]|\[(?:\\s\\S|\\S\\s|\\w\\W|\\W\\w|\\d\\D|\\D\\d)\]"
)
_UNBOUNDED: Final = re.compile(r"[*+]|\{\d+,\}")
_OPTIONAL: Final = re.compile(r"[*?]|\{0*,|\{0+\}")

_KNOWN_PATHS: Final = 1000
"""The maximal number of paths without arguments whose routes are remembered."""
_LAST: Final = 1 << 60
"""Where the fallbacks begin in the order."""


def path_template(pattern: str) -> tuple[str, list[str]] | None:
    r"""Return a pattern as a path for people, with the names of its arguments.

    None for an expression that stands for more than one path of that form.

    >>> path_template(r'^/users/(?P<name>[^/]+)/posts/(\d+)$')
    ('/users/{name}/posts/{argument2}', ['name', 'argument2'])
    >>> path_template(r'^/(a|b)?c') is None
    True
    """
    path, depth = "", 0
    arguments: list[str] = []
    tokens = [match[0] for match in _TOKEN.finditer(pattern)]
    if tokens[-2:] == ["/", "?$"] or tokens[-3:] == ["/", "?", "$"]:
        tokens = tokens[: -(3 if tokens[-1] == "$" else 2)]
    for part in tokens:
        opens = part.startswith("(")
        if depth:
            depth += opens - (part == ")")
        elif part.startswith("(?P<") or part == "(":
            depth = 1
            arguments.append(part[4:-1] or f"argument{len(arguments) + 1}")
            path += f"{{{arguments[-1]}}}"
        elif part in _PLAIN:
            path += part
        elif escaped := _ESCAPED.fullmatch(part):
            path += escaped[1]
        elif part not in ("^", "$", r"\A", r"\Z", r"\z"):
            return None
    return path, arguments


class Route(msgspec.Struct, frozen=True):
    """One route: its place in the order, its expression, handler and, if only some, its methods."""

    order: int
    regex: re.Pattern[str]
    handler: Handler
    methods: frozenset[str] | None = None

    def allows(self, method: str) -> bool:
        """Return whether the route is for a method."""
        return self.methods is None or method in self.methods

    @property
    def pattern(self) -> str:
        """The expression as it was given."""
        return self.regex.pattern


class Match(msgspec.Struct):
    """The match of a path: a route, and the arguments that the path holds."""

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
        self._known: dict[str, Match] = {}

    def add(
        self,
        pattern: str,
        handler: Handler,
        methods: frozenset[str] | None = None,
        *,
        fallback: bool = False,
    ) -> Route:
        """Add a route behind all others; `ConfigError` for an expression that is none.

        A fallback stands behind those that are added later, too. An open end is logged.
        """
        try:
            regex = re.compile(pattern)
        except re.error as reason:
            raise ConfigError(f"The route {pattern!r} is not a pattern: {reason}.") from reason
        if not is_closed(pattern):
            log.warning(
                "The route %r also matches longer paths, because its end is open: "
                "end it with $, or with / or .* if that is intended.",
                pattern,
            )
        order = len(self.routes) + (_LAST if fallback else 0)
        route = Route(order, regex, handler, methods)
        insort(self.routes, route, key=_order)
        insort(self._by_prefix.setdefault(literal_prefix(pattern), []), route, key=_order)
        self._lengths = sorted({len(each) for each in self._by_prefix})
        self._known.clear()
        return route

    def match(self, path: str) -> Match | None:
        """Return the first route that matches a path, or None."""
        known = self._known.get(path)
        if known is not None:
            return known
        for route in self._candidates(path):
            found = route.regex.match(path)
            if found is not None:
                match = _match(route, found)
                if not route.regex.groups and len(self._known) < _KNOWN_PATHS:
                    self._known[path] = match
                return match
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


def is_closed(pattern: str) -> bool:
    r"""Return whether a pattern fixes at its end the further path: nothing, or any path below.

    >>> [is_closed(each) for each in ('^/a$', '^/a/', '^/a/(?P<rest>.*)', '^/a(?:/|$)')]
    [True, True, True, True]
    >>> [is_closed(each) for each in ('^/a', '^/a/?', r'^/a\$', '^/a$|^/b', '^/(?P<name>[^/]+)')]
    [False, False, False, False, False]
    """
    tokens = (found[0] for found in _TOKEN.finditer(pattern))
    return _all_closed(tokens, closed=True)


def _all_closed(tokens: Iterator[str], *, closed: bool) -> bool:
    """Return whether each alternative is closed, up to the end of the group; consume its tokens.

    ``closed`` says it of what stands before the group.
    """
    start = before = closed
    every, atom = True, ""
    for part in tokens:
        if part == ")":
            break
        if part == "|":
            every, closed, atom = every and closed, start, ""
        elif atom and part[0] in "*+?{":
            if _ANYTHING.fullmatch(atom) and _UNBOUNDED.match(part):
                closed = True
            elif _OPTIONAL.match(part):
                closed = closed and before
        elif part in _EMPTY or (part.startswith("(?") and part.endswith(")")):
            continue
        elif part.startswith("("):
            before, inside, atom = closed, _all_closed(tokens, closed=closed), part
            if not part.startswith("(?<"):
                closed = inside or part == "(?!"
        else:
            before, closed, atom = closed, part in _ENDS, part
    return every and closed
