"""Where a stream is served, and under which names its storage knows it.

A path may hold one argument, ``/users/<owner>/posts``: then it serves one stream for each value, a
*partition*. Order is kept within a partition, so that no single order becomes the bottleneck.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

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
    """Return what a handler declares; `ConfigError` when it cannot be a path.

    >>> declare_path('/users/<owner>/posts', 'Posts').at('ella')
    '/users/ella/posts'
    """
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ConfigError(
            f'{owner}.path must look like "/quakes" or "/users/<owner>/posts", not {path!r}.'
        )
    arguments = _ARGUMENT.findall(path)
    if len(arguments) > 1:
        raise ConfigError(f"{owner}.path has more than one argument; a stream is parted by one.")
    if "ids" in arguments:
        raise ConfigError(f"{owner}.path: <ids> is what items are asked for with.")
    return StreamPath(path, *arguments)


def is_key(text: str) -> bool:
    """Tell whether a text can be the key of a partition: it has an id's alphabet."""
    return is_id(text)
