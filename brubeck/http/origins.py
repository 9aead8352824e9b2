"""Origins (RFC 6454): where a web page comes from, as a browser writes it in ``Origin``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from brubeck.http.authority import is_authority

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


class Origin(msgspec.Struct, frozen=True):
    """A scheme and an authority, both in lower case and without a default port.

    The scheme may be any, such as ``capacitor`` or ``chrome-extension``: pages of applications
    have origins, too.

    >>> str(Origin.parse('HTTPS://App.Example:443'))
    'https://app.example'
    """

    scheme: str
    authority: str

    @classmethod
    def parse(cls, text: object) -> Origin:
        """Return the origin that a text names; `ValueError` when it names none."""
        scheme, separator, authority = str(text).lower().partition("://")
        if not (separator and _SCHEME.fullmatch(scheme) and is_authority(authority)):
            raise ValueError(f'an origin is like "https://app.example", not {text!r}')
        host, _, port = authority.rpartition(":")
        if host and port.isdecimal():
            port = port.lstrip("0") or "0"
            authority = host if port == _PORTS.get(scheme) else f"{host}:{port}"
        return cls(scheme, authority.removesuffix(":"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@lru_cache(maxsize=256)  # they are declared, and looked at with every write
def declared_origins(texts: Iterable[str]) -> frozenset[str]:
    """Return origins as browsers write them; `ValueError` for the first text that is none.

    >>> sorted(declared_origins(('capacitor://localhost', 'https://App.Example:443')))
    ['capacitor://localhost', 'https://app.example']
    """
    return frozenset(str(Origin.parse(text)) for text in texts)
