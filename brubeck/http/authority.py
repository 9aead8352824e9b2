"""The authority of a request: `host`, or `host:port` (RFC 9110, section 7.2; RFC 3986, 3.2).

It comes in the ``Host`` header, or in a target in absolute form. A host ends up in links, cookies
and caches, so one that no URL could have is refused before anything is derived from it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final

# The comma of the grammar is left out: with it a list of hosts would pass for one host.
_NAMED: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+")
_FUTURE: Final = re.compile(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+")
_PORT: Final = re.compile(r"(?::([0-9]*))?")
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_MAX_LENGTH: Final = 255
_MAX_PORT: Final = 65_535


@lru_cache(maxsize=256)  # a server has few names, and every request brings one of them
def is_authority(text: str) -> bool:
    """Return whether a text is a host, with or without a port.

    >>> [is_authority(text) for text in ('a.example:80', '[::1]:80', 'a.example,b', 'a:b', '')]
    [True, True, False, False, False]
    """
    if len(text) > _MAX_LENGTH:
        return False
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        valid = bracket == "]" and _is_ip_literal(host)
    else:
        host, colon, port = text.partition(":")
        rest = colon + port
        valid = _NAMED.fullmatch(host) is not None
    found = _PORT.fullmatch(rest)
    return valid and found is not None and len(rest) < 10 and int(found[1] or 0) <= _MAX_PORT


def _is_ip_literal(text: str) -> bool:
    if _FUTURE.fullmatch(text):
        return True
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return "%" not in text  # a zone has a meaning on the machine of the client alone


def host_problem(host: str) -> str:
    """Return the detail of a 400 for the value of a ``Host`` header; empty for a valid one.

    An empty value is valid: a client whose URL has no host sends it (RFC 9110, section 7.2).
    """
    if not host or is_authority(host):
        return ""
    return "The Host header must be a host name or IP address, with or without a port."


def target_authority(target: str) -> str | None:
    """Return the authority of a target in absolute form; None for a target in any other form.

    >>> target_authority('http://a.example:80/quakes?limit=1')
    'a.example:80'
    """
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return None
    return _AUTHORITY_END.split(rest, maxsplit=1)[0]
