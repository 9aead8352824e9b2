"""The client of a request: forwarding headers of proxies, believed only from trusted ones.

Anybody can send ``Forwarded`` (RFC 7239) or ``X-Forwarded-For``. They count only where the other
end of the connection is a trusted proxy, and only as far back along the chain as trust goes; and of
the two families only the one that the deployment names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import partial
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import msgspec

from brubeck.errors import ConfigError
from brubeck.http.headers import Headers, list_values

_FORWARDED_PAIR: Final = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,\s"]*))\s*(?:;|$)')
_COLUMNS: Final = ("for", "proto", "host", "port", "prefix")
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_HAS_PORT: Final = re.compile(r":[0-9]*$")
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")


class Client(msgspec.Struct, frozen=True):
    """The other end: its address (without a port), the scheme and host that it sees.

    ``prefix`` is the path under which it sees the program, without a slash at the end.
    """

    address: str = ""
    scheme: str = "http"
    host: str = ""
    prefix: str = ""


class TrustedProxies:
    """The addresses and networks of proxies with trusted forwarding headers.

    ``headers`` are those that these proxies set: the family ``x-forwarded`` or ``forwarded``, or
    some of the first by their names. A caller may have sent others, which proxies pass on as they
    are.

    >>> trusted = TrustedProxies(['10.0.0.0/8'])
    >>> headers = Headers({'X-Forwarded-For': '1.2.3.4, 10.0.0.9'})
    >>> trusted.client(Client('10.0.0.1'), headers).address
    '1.2.3.4'
    >>> trusted.client(Client('8.8.8.8'), headers).address
    '8.8.8.8'
    """

    def __init__(
        self, networks: Iterable[str] = (), headers: str | Collection[str] = "x-forwarded"
    ) -> None:
        names = _COLUMNS if isinstance(headers, str) else {each[12:].lower() for each in headers}
        self._hops = _forwarded if headers == "forwarded" else partial(_x_forwarded, names)
        self._networks: list[IPv4Network | IPv6Network] = []
        self._local = False
        for network in networks:
            if network == "unix":
                self._local = True
                continue
            try:
                self._networks.append(ip_network(network, strict=False))
            except ValueError:
                raise ConfigError(
                    f'trusted_proxies: "{network}" is not an IP address or network, nor "unix".'
                ) from None

    def trusts(self, address: str) -> bool:
        """Return whether the host at this address is a trusted proxy."""
        if not address:
            return self._local
        if not self._networks:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        # A socket for both families shows IPv4 as ::ffff:127.0.0.1 (RFC 4291, section 2.5.5.2).
        same = {parsed, getattr(parsed, "ipv4_mapped", None) or parsed}
        return any(each in network for each in same for network in self._networks)

    def client(self, direct: Client, headers: Headers) -> Client:
        """Return the caller: the nearest host along the chain that is not a trusted proxy.

        Each trusted hop is believed for one entry of each list, from the right: what stands further
        to the left was sent by somebody else.
        """
        if not self.trusts(direct.address):
            return direct
        found = direct
        for hop in self._hops(headers):
            address = hop.get("for", "")
            found = Client(
                address or found.address,
                hop["proto"] if hop.get("proto") in ("http", "https") else found.scheme,
                _with_port(hop.get("host") or found.host, hop),
                _prefix(hop.get("prefix")) or found.prefix,
            )
            if not self.trusts(address):
                break
        return found


Hop = dict[str, str]


def _forwarded(headers: Headers) -> list[Hop]:
    """Return the hops of ``Forwarded``, the nearest first."""
    hops = []
    for element in reversed(list_values(headers.get("forwarded", ""))):
        hop, at = {}, 0
        while match := _FORWARDED_PAIR.match(element, at):
            if match.end() == at:
                break
            value = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
            hop[match[1].lower()] = value.lower() if match[1].lower() == "proto" else value
            at = match.end()
        if "for" in hop:
            hop["for"] = _bare_address(hop["for"])
        hops.append(hop)
    return hops


def _x_forwarded(names: Collection[str], headers: Headers) -> list[Hop]:
    """Return the hops of ``X-Forwarded-…``, the nearest first; the lists are aligned there."""
    columns = {name: list_values(headers.get(f"x-forwarded-{name}", ""))[::-1] for name in names}
    columns.setdefault("for", [])
    # Without addresses nobody can say where trust ends: the nearest hop alone is believed.
    count = max(1, len(columns["for"]))
    hops = [
        {name: values[at] for name, values in columns.items() if at < len(values)}
        for at in range(count)
    ]
    for hop in hops:
        if "for" in hop:
            hop["for"] = _bare_address(hop["for"])
        if "proto" in hop:
            hop["proto"] = hop["proto"].lower()
    return hops


def _with_port(host: str, hop: Hop) -> str:
    """Return a host with the port that a hop names, unless it has one or that is the default."""
    port = hop.get("port", "")
    default = {"http": "80", "https": "443"}.get(hop.get("proto", ""))
    if not host or not _PORT.fullmatch(port) or port == default or _HAS_PORT.search(host):
        return host
    return f"{host}:{port}"


def _prefix(text: str | None) -> str:
    """Return a path prefix without the slash at its end; empty for a text that is none."""
    found = (text or "").rstrip("/")
    return found if _PREFIX.fullmatch(found) else ""


def _bare_address(text: str) -> str:
    """Return an address without its port and brackets; any other text stays as it is."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


NO_PROXIES: Final = TrustedProxies()


def network(address: str) -> str:
    """Return the key that an address is counted by: itself, or the 64 bits of a network of IPv6.

    A home has that many addresses of IPv6, and could come with another one each time.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is not None:  # as a socket for both families shows IPv4
            return str(known.ipv4_mapped)
        return str(ip_network((known, 64), strict=False))
    return address
