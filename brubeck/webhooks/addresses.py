"""The URLs of receivers, and the addresses that messages may be sent to (no SSRF).

A URL is checked when it is stored, as far as it says the address itself; the name in it is resolved
for every connection, and the connection is made to the very address that was checked, so that
another answer of the name server in between changes nothing (DNS rebinding).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec

from brubeck import green

_TEXT: Final = re.compile(r"[!-~]{1,2048}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
_SCHEMES: Final = {"https": 443, "http": 80}
_REFUSED: Final = (
    IPv4Address("168.63.129.16"),  # the host of a virtual machine on Azure, for its guests alone
    IPv4Address("192.88.99.1"),  # the relay of 6to4
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_UNICAST: Final = IPv6Network("2000::/3")
"""The only addresses of IPv6 that hosts on the internet have (RFC 4291, section 2.5.4).

IPv4-compatible, IPv4-translated, local NAT64, site-local and segment identifiers are outside."""
_OF_PROTOCOLS: Final = IPv4Network("192.0.0.0/24")
"""Addresses of protocols (RFC 6890), which are no hosts to send to."""
_NOT_HOSTS: Final = (IPv6Network("2001::/32"), IPv6Network("3fff::/20"))
"""Networks among them that are no public hosts: Teredo, documentation (RFC 9637)."""


class Refused(Exception):
    """A URL or an address to which nothing is sent; its text is for the owner."""


class Target(msgspec.Struct, frozen=True):
    """A URL in its parts."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """The scheme, host and port: the part that may be logged."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_url(url: str, *, allow_private: bool) -> Target:
    """Return the parts of a URL; `Refused` with the reason for one that nothing is sent to."""
    if not _TEXT.fullmatch(url):
        raise Refused("It is 1 to 2048 characters of ASCII; a name of others is written xn--….")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as reason:
        raise Refused(f"It is no URL: {reason}.") from None
    if parts.scheme not in _SCHEMES or (parts.scheme == "http" and not allow_private):
        raise Refused("It begins with https://.")
    if "@" in parts.netloc or "#" in url:
        raise Refused("It has no user name, no password and no fragment.")
    host = parts.hostname or ""
    literal = _literal(host)
    if literal is None and not _HOST.fullmatch(host):
        raise Refused("It has the name of a host.")
    if port == 0:
        raise Refused("Its port is 1 to 65535.")
    if not allow_private and (
        (literal is not None and not is_public(literal)) or _is_local_name(host)
    ):
        raise Refused("It leads to a private address.")
    path = parts.path or "/"
    path = f"{path}?{parts.query}" if parts.query else path
    return Target(parts.scheme, host, port or _SCHEMES[parts.scheme], path)


def resolve(target: Target, *, allow_private: bool) -> list[tuple[int, str]]:
    """Return the families and addresses to connect to, the preferred one first.

    Raises `Refused` where any address of the name is private. Where it has none the words are the
    same: they tell nobody which names there are in the network of the server.
    """
    refused = f"{target.host} has no address, or a private one."
    try:
        found = green.addresses(target.host, target.port)
    except (OSError, UnicodeError) as reason:
        raise (OSError(refused) if allow_private else Refused(refused)) from reason
    addresses: list[tuple[int, str]] = [
        (family, str(address[0])) for family, _, _, _, address in found
    ]
    if not addresses or not (
        allow_private or all(is_public(ip_address(each)) for _, each in addresses)
    ):
        raise Refused(refused)
    return addresses


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is one of a host on the internet.

    An address of IPv6 that leads to one of IPv4 counts as that one.

    >>> [is_public(ip_address(each)) for each in ('93.184.215.14', '10.0.0.1', '::ffff:127.0.0.1')]
    [True, False, False]
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address not in _UNICAST or any(address in network for network in _NOT_HOSTS):
            return False
    elif address in _OF_PROTOCOLS:  # where Oracle's cloud has its metadata
        return False
    return address.is_global and not address.is_multicast and address not in _REFUSED


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith((".localhost", ".local", ".internal"))
