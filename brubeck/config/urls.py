"""The URLs of stores and queues, split in one place: their secrets are in no error."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import msgspec

_RAW: Final = re.compile(r"[/?#\[\]]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
ENCODED: Final = (
    "a user name or password is percent-encoded: write %2F for /, %3F for ?, %23 for #, %5B for [, "
    "%5D for ], %40 for @"
)


class ServerURL(msgspec.Struct, frozen=True):
    """The parts of a URL; ``username`` and ``password`` are decoded, ``path`` is not."""

    scheme: str
    hosts: str
    path: str
    query: str
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"ServerURL({self.shown!r})"

    @property
    def shown(self) -> str:
        """The URL without user, password and options."""
        user = "" if self.username is None else "***@"
        return f"{self.scheme}://{user}{self.hosts}{self.path}"


def split_url(url: str) -> ServerURL:
    """Return the parts of a URL; its user information ends at the last at sign of the authority.

    Raises `ValueError`, without the secrets, for a user or password that is not percent-encoded,
    and for a fragment.

    >>> split_url('redis://me:a%2Fb@host:1/0?pool=2').password
    'a/b'
    """
    scheme, _, rest = url.partition("://")
    user, at, rest = ("", "", rest) if rest.startswith("/") else rest.rpartition("@")
    if _RAW.search(user):
        raise ValueError(ENCODED)
    if "#" in rest:
        raise ValueError("it has no fragment: write %23 for #")
    address, _, query = rest.partition("?")
    hosts, slash, path = address.partition("/")
    name, colon, password = user.partition(":")
    return ServerURL(
        scheme,
        hosts,
        slash + path,
        query,
        unquote(name) if at else None,
        unquote(password) if colon else None,
    )


def redacted(url: str) -> str:
    """Return a URL fit for a log: without user, password and options.

    >>> redacted('redis://user:se/cr@et@host/0?password=x')
    'redis://***@host/0'
    """
    found = _SCHEME.match(url)
    scheme, rest = (found[0], url[found.end() :]) if found else ("", url)
    # The path of a file may hold an at sign; whatever else has one may hold a password before it.
    if "@" in rest and not (scheme == "sqlite://" and rest.startswith("/")):
        rest = "***@" + rest.rpartition("@")[2]
    return f"{scheme}{re.split('[?#]', rest, maxsplit=1)[0]}"
