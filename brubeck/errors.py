"""The one family of errors that Brubeck raises on purpose.

Every layer raises its own kind from here, and only the web layer knows which HTTP status a kind
becomes: nothing below it ever imports from it. An error's text is one sentence for the person who
can mend it, so it may be shown; a driver's own error is kept as ``__cause__`` and only logged.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class BrubeckError(Exception):
    """Anything that Brubeck raises on purpose."""


class ConfigError(BrubeckError):
    """A setting, an argument or a declaration that cannot be right."""


class ProtocolError(BrubeckError):
    """Bytes from the other side that break the protocol they claim to speak."""


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return the end of an error's text: the nearest known name, or all of them.

    >>> did_you_mean('worker', ['workers', 'listen'])
    ' Did you mean "workers"?'
    >>> did_you_mean('x', ['workers', 'listen'])
    ' Known: listen, workers.'
    """
    choices = sorted(known)
    near = get_close_matches(wrong, choices, n=1)
    if near:
        return f' Did you mean "{near[0]}"?'
    return f" Known: {', '.join(choices)}." if choices else ""
