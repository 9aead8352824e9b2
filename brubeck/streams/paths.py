"""Where a stream is served, and under which names its storage knows it.

A path may hold one argument, ``/users/<owner>/posts``: then it serves one stream for each value, a
*partition*. Order is kept within a partition, so that no single order becomes the bottleneck.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec

from brubeck.callables import check_answer, check_plain, check_value
from brubeck.errors import ConfigError
from brubeck.storage.ids import is_id

_PART: Final = r"/(?:[A-Za-z0-9._~-]+|<[a-z][a-z0-9_]*>)"
_PATH: Final = re.compile(rf"(?:{_PART})+")
_ARGUMENT: Final = re.compile(r"<([a-z][a-z0-9_]*)>")


class StreamPath(msgspec.Struct, frozen=True):
    """A stream's path, with the name of its argument; without one, ``partition`` is empty."""

    template: str
    partition: str = ""

    @property
    def pattern(self) -> str:
        """The expression that matches the path; the argument is a named group."""
        before, argument, after = self._parts()
        group = f"(?P<{self.partition}>[^/]+)" if argument else ""
        return f"^{re.escape(before)}{group}{re.escape(after)}"

    def at(self, key: str) -> str:
        """Return the path of a partition, or of the whole stream where there are none."""
        if not self.partition:
            return self.template
        before, _, after = self._parts()
        return f"{before}{key}{after}"

    def stream(self, key: str) -> str:
        """Return the name of a partition's stream in its storage.

        No key holds a slash and no other part of a name does, so no two streams share a name.

        >>> declare_path('/users/<owner>/posts', 'Posts').stream('ella')
        'users:owner:posts/ella'
        """
        name = _ARGUMENT.sub(r"\1", self.template).strip("/").replace("/", ":")
        return f"{name}/{key}" if self.partition else name

    def _parts(self) -> tuple[str, str, str]:
        return self.template.partition(f"<{self.partition}>" if self.partition else "\0")


def declare_path(path: object, owner: str) -> StreamPath:
    """Return the path that a handler declares; `ConfigError` for an invalid one.

    >>> declare_path('/users/<owner>/posts', 'Posts').at('ella')
    '/users/ella/posts'
    """
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ConfigError(
            f'{owner}.path must look like "/quakes" or "/users/<owner>/posts", not {path!r}.'
        )
    if path.startswith("/brubeck."):
        raise ConfigError(
            f"{owner}.path: the storage keeps accounts and the like under names that begin so; "
            f"choose another path than {path}."
        )
    arguments = _ARGUMENT.findall(path)
    if len(arguments) > 1:
        raise ConfigError(f"{owner}.path has more than one argument; a stream is parted by one.")
    if "ids" in arguments:
        raise ConfigError(f"{owner}.path: <ids> is what items are asked for with.")
    return StreamPath(path, *arguments)


class PartitionRule(msgspec.Struct, frozen=True):
    """Which keys a stream has partitions for; without a test, all that are keys."""

    test: Callable[[str], object] | None

    def allows(self, key: str) -> bool:
        """Return whether there may be a partition of a key."""
        if not is_key(key):
            return False
        if self.test is None:
            return True
        found = check_value(self.test(key), "partitions")
        if found is None or isinstance(found, re.Match):  # of an expression
            return found is not None
        return check_answer(found, "partitions")


def declare_partitions(rule: object, path: StreamPath, owner: str) -> PartitionRule:
    """Return the rule of which partitions there may be, as a handler declares it.

    ``rule`` is a regular expression for a whole key, a function of a key, or None for any key.
    Raises `ConfigError` for anything else, and for a rule where the path has no argument.
    """
    if rule is None:
        return PartitionRule(None)
    if not path.partition:
        raise ConfigError(f"{owner}.partitions: the path {path.template} has no argument.")
    rule = rule.__func__ if isinstance(rule, staticmethod) else rule
    if callable(rule):
        check_plain(rule, f"{owner}.partitions", generators=False)
        return PartitionRule(rule)
    try:
        pattern = re.compile(rule if isinstance(rule, str) else "")
    except re.error as reason:
        raise ConfigError(f"{owner}.partitions is not a pattern: {reason}.") from reason
    if not isinstance(rule, str):
        raise ConfigError(f"{owner}.partitions is a pattern or a function, not {rule!r}.")
    return PartitionRule(pattern.fullmatch)


def is_key(text: str) -> bool:
    """Return whether a text can be the key of a partition: it has an id's alphabet."""
    return is_id(text)
