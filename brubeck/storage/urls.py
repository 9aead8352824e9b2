"""URLs of storages: their options, and how they may be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from brubeck.config.urls import ServerURL, redacted, split_url
from brubeck.errors import ConfigError, did_you_mean

__all__ = ["choice", "read_options", "redacted", "split"]


def split(url: str) -> ServerURL:
    """Return the parts of a storage's URL; `ConfigError` for one that has none."""
    try:
        return split_url(url)
    except ValueError as reason:
        raise ConfigError(f'The storage "{redacted(url)}": {reason}.') from None


def read_options(url: str, options: Mapping[str, Callable[[object], Any]]) -> dict[str, Any]:
    """Return the options of a URL's query, each read by its parser.

    Raises `ConfigError`, without the URL's secrets, for one that is unknown, given twice or wrong.

    >>> from brubeck.config.values import duration
    >>> read_options('sqlite:///quakes.db?timeout=2s', {'timeout': duration})
    {'timeout': 2.0}
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(split(url).query, keep_blank_values=True):
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
