"""Who really asked: the word of proxies, taken only from those that are trusted.

Anybody can send ``Forwarded`` (RFC 7239) or ``X-Forwarded-For``. They count only where the other
end of the connection is a trusted proxy, and only as far back along the chain as trust goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

import msgspec

from brubeck.errors import ConfigError
from brubeck.http.headers import Headers, list_values

_FORWARDED_PAIR: Final = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,\s"]*))\s*(?:;|$)')


class Client(msgspec.Struct, frozen=True):
    """The other end: its address (without a port), the scheme and host that it sees."""

    address: str = ""
    scheme: str = "http"
    host: str = ""


class TrustedProxies:
    """The addresses and networks whose forwarding headers are believed.

    >>> trusted = TrustedProxies(['10.0.0.0/8'])
    >>> headers = Headers({'X-Forwarded-For': '1.2.3.4, 10.0.0.9'})
    >>> trusted.client(Client('10.0.0.1'), headers).address
    '1.2.3.4'
    >>> trusted.client(Client('8.8.8.8'), headers).address
    '8.8.8.8'
    """

    def __init__(self, networks: Iterable[str] = ()) -> None:
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
        """Tell whether the host at this address is a trusted proxy."""
        if not address:
            return self._local
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        # A socket for both families shows IPv4 as ::ffff:127.0.0.1 (RFC 4291, section 2.5.5.2).
        same = {parsed, getattr(parsed, "ipv4_mapped", None) or parsed}
        return any(each in network for each in same for network in self._networks)

    def client(self, direct: Client, headers: Headers) -> Client:
        """Return who asked: the nearest host along the chain that is not a trusted proxy."""
        if not (self._networks or self._local) or not self.trusts(direct.address):
            return direct
        hops = _forwarded(headers) or _x_forwarded(headers)
        found = direct
        for hop in reversed(hops):
            address = hop.get("for", "")
            found = Client(
                address or found.address,
                hop["proto"] if hop.get("proto") in ("http", "https") else found.scheme,
                hop.get("host") or found.host,
            )
            if not self.trusts(address):
                break
        return found


NO_PROXIES: Final = TrustedProxies()


def _forwarded(headers: Headers) -> list[dict[str, str]]:
    """Return the hops of ``Forwarded`` in the order in which the request passed them."""
    hops = []
    for element in list_values(headers.get("forwarded", "")):
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


def _x_forwarded(headers: Headers) -> list[dict[str, str]]:
    """Return the hops of ``X-Forwarded-For``; the last one knows the scheme and the host."""
    hops = [
        {"for": _bare_address(each)} for each in list_values(headers.get("x-forwarded-for", ""))
    ]
    proto = list_values(headers.get("x-forwarded-proto", ""))
    host = list_values(headers.get("x-forwarded-host", ""))
    last = hops[-1] if hops else {}
    if proto:
        last["proto"] = proto[-1].lower()
    if host:
        last["host"] = host[-1]
    return hops or ([last] if last else [])


def _bare_address(text: str) -> str:
    """Return an address without its port and brackets; what is not an address stays as it is."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
