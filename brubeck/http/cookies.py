"""Cookies: parsing ``Cookie`` and writing ``Set-Cookie`` (RFC 6265).

Reading is lenient, since anybody on the same domain may have set anything: a pair that makes no
sense is passed over. Writing is strict: a name or value that would break the header is refused.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from brubeck.timekeeping import http_date

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_ATTRIBUTE: Final = re.compile(r"[\x20-\x3a\x3c-\x7e]*")

_PREFIX: Final = re.compile(r"__(?:Secure|Host-Http|Host|Http)-", re.IGNORECASE)
MAX_BYTES: Final = 4096
"""The maximal length of name and value together; browsers drop longer cookies."""
MAX_ATTRIBUTE_BYTES: Final = 1024
"""The maximal length of an attribute; browsers ignore longer ones."""

SameSite = Literal["Lax", "Strict", "None"]


def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies of a ``Cookie`` header; of two with one name the first counts.

    The first is the one with the longer path, so the more specific (RFC 6265, section 5.4).

    >>> parse_cookies('a=1; b="two"; =; nonsense; a=3')
    {'a': '1', 'b': 'two'}
    """
    cookies: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not equals or not _NAME.fullmatch(name) or name in cookies:
            continue
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        cookies[name] = value
    return cookies


def needs_secure(name: str) -> bool:
    """Return whether browsers keep a cookie of this name only if it is secure.

    >>> needs_secure('__Host-session'), needs_secure('session')
    (True, False)
    """
    return _PREFIX.match(name) is not None


class Cookie(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie for a browser to keep.

    ``max_age`` counts seconds and ``expires`` milliseconds since the epoch; with neither, the
    browser forgets the cookie when it closes.
    """

    name: str
    value: str
    max_age: int | None = None
    expires: int | None = None
    domain: str | None = None
    path: str | None = "/"
    secure: bool = False
    http_only: bool = True
    same_site: SameSite | None = "Lax"

    def header(self) -> str:
        """Return the value of the ``Set-Cookie`` header; `ValueError` for an invalid cookie."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a cookie name: {self.name!r}")
        if not _VALUE.fullmatch(self.value):
            raise ValueError(f"not a cookie value, sign or encode it first: {self.name}")
        for attribute in (self.domain, self.path, self.same_site):
            if attribute is not None and not _ATTRIBUTE.fullmatch(attribute):
                raise ValueError(f"not a cookie's domain, path or SameSite: {attribute!r}")
        self._refuse_unkept()
        attributes = {
            "Max-Age": self.max_age,
            "Expires": None if self.expires is None else http_date(self.expires),
            "Domain": self.domain,
            "Path": self.path,
            "SameSite": self.same_site,
        }
        parts = [f"{self.name}={self.value}"]
        parts += [f"{key}={value}" for key, value in attributes.items() if value is not None]
        parts += ["Secure"] * self.secure + ["HttpOnly"] * self.http_only
        return "; ".join(parts)

    def _refuse_unkept(self) -> None:
        """Raise `ValueError` for a cookie that every browser drops without a word (RFC 6265bis)."""
        found = _PREFIX.match(self.name)
        prefix = found[0] if found else ""
        named = prefix.lower()
        if named and not self.secure:
            raise ValueError(f"a cookie named {prefix}… must be secure")
        if "http-" in named and not self.http_only:
            raise ValueError(f"a cookie named {prefix}… must be http_only")
        if "host-" in named and (self.path != "/" or self.domain is not None):
            raise ValueError(f'a cookie named {prefix}… has the path "/" and no domain')
        if self.same_site is not None and self.same_site.lower() == "none" and not self.secure:
            raise ValueError('a cookie with same_site="None" must be secure')
        if len(self.name) + len(self.value) > MAX_BYTES:
            raise ValueError(f"a cookie's name and value have at most {MAX_BYTES} bytes together")
        for attribute in (self.domain, self.path):
            if attribute is not None and len(attribute) > MAX_ATTRIBUTE_BYTES:
                raise ValueError(f"a cookie's attribute has at most {MAX_ATTRIBUTE_BYTES} bytes")
