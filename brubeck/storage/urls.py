"""URLs of storages: their options, and how they may be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from brubeck.errors import ConfigError, did_you_mean

# Up to the last at sign: a password may hold what ought to have been escaped in it.
_SECRET: Final = re.compile(r"(?<=://).*@", re.DOTALL)


def redacted(url: str) -> str:
    """Return a URL fit for a log: without who logs in and how, and without its options.

    >>> redacted('redis://user:se/cr@et@host/0?password=x')
    'redis://***@host/0'
    """
    return _SECRET.sub("***@", url).partition("?")[0]


def read_options(url: str, options: Mapping[str, Callable[[object], Any]]) -> dict[str, Any]:
    """Return the options of a URL's query, each read by its parser.

    Raises `ConfigError`, without the URL's secrets, for one that is unknown, given twice or wrong.

    >>> from brubeck.config.values import duration
    >>> read_options('sqlite:///quakes.db?timeout=2s', {'timeout': duration})
    {'timeout': 2.0}
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        where = f'The storage "{redacted(url)}"'
        if name not in options:
            hint = did_you_mean(name, options)
            raise ConfigError(f'{where} has no option "{name}".{hint}')
        if name in found:
            raise ConfigError(f'{where} has the option "{name}" twice.')
        try:
            found[name] = options[name](value)
        except ValueError as reason:
            raise ConfigError(f'{where}: the option "{name}" {reason}') from None
    return found


def choice(*choices: str) -> Callable[[object], str]:
    """Return a parser that takes one of some words."""

    def parse(value: object) -> str:
        if value not in choices:
            raise ValueError(f"must be {' or '.join(choices)}, not {value!r}.")
        return str(value)

    return parse
