"""Signed HTTP messages as data: the signature base, and the headers of it (RFC 9421, RFC 9530).

Rules:

- The signature base has a line for each covered component, in the order of ``Signature-Input``,
  and one for the parameters (RFC 9421, section 2.5).
- Components are the derived ones of a request, and header fields as they are; a component with
  parameters is not understood, and so never taken for something that it is not.
- Malformed headers are `BadCredentials`, with the place of the error in the text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

import http_sf
import msgspec

from brubeck import green
from brubeck.auth.errors import BadCredentials
from brubeck.http import Headers, Request
from brubeck.http.proxies import Client

Members: TypeAlias = dict[str, Any]

MAX_HEADER_LENGTH: Final = 16_384
"""How many characters a header of signatures may have."""
MOST: Final = 64
"""How many components may be covered."""
MOST_SIGNATURES: Final = 8
"""How many signatures a request may have: its own, and those of proxies."""
DIGESTS: Final[Mapping[str, Callable[[], Any]]] = {
    "sha-256": hashlib.sha256,
    "sha-512": hashlib.sha512,
}

_CHUNK: Final = 1 << 16
_PORTS: Final = {"http": ":80", "https": ":443"}


class Signature(msgspec.Struct, frozen=True):
    """One signature of a message: its covered components, its parameters, and its bytes."""

    components: tuple[str, ...]
    parameters: dict[str, Any]
    signed: bytes


def read_signatures(signature_input: str, signature: str) -> list[Callable[[], Signature]]:
    """Return a reader of each signature of two headers, in their order.

    A request may come with signatures of proxies beside its own (RFC 9421, section 4.3), which may
    use what is not understood here; so each is read only when it is looked at. Both this function
    and the readers raise `BadCredentials` for nonsense.
    """
    described = _dictionary("Signature-Input", signature_input)
    signed = _dictionary("Signature", signature)
    if not described or described.keys() != signed.keys():
        raise BadCredentials("Signature-Input and Signature have signatures of the same labels.")
    if len(described) > MOST_SIGNATURES:
        raise BadCredentials(f"A request has at most {MOST_SIGNATURES} signatures.")
    return [partial(_signature, member, signed[label]) for label, member in described.items()]


def _signature(described: Any, signed: Any) -> Signature:
    (components, parameters), (value, _) = described, signed
    if not isinstance(components, list) or not isinstance(value, bytes):
        raise BadCredentials("Signature-Input is a list of components, and Signature is bytes.")
    names = [name for name, _ in components]
    if any(more for _, more in components) or not all(isinstance(name, str) for name in names):
        raise BadCredentials("Components are strings without parameters.")
    if len(names) > MOST or len(set(names)) < len(names):
        raise BadCredentials(f"There are at most {MOST} components, each once.")
    return Signature(tuple(names), parameters, value)


def signature_base(
    request: Request, components: Sequence[str], parameters: Mapping[str, Any]
) -> bytes:
    """Return the signature base of a request (RFC 9421, section 2.5)."""
    described = _described("s", components, parameters)
    lines = [f"{http_sf.ser((name, {}))}: {_component(request, name)}" for name in components]
    lines.append(f'"@signature-params": {described.removeprefix("s=")}')
    return "\n".join(lines).encode("latin-1")


def sign(base: bytes, secret: bytes) -> bytes:
    """Return the signature of a base by ``hmac-sha256`` (RFC 9421, section 3.3.3)."""
    return hmac.digest(secret, base, "sha256")


def check_digest(request: Request) -> None:
    """Hold the body against ``Content-Digest`` (RFC 9530); `BadCredentials` where it differs."""
    given = _dictionary("Content-Digest", request.header("content-digest") or "")
    known = {name: value for name, (value, _) in given.items() if name in DIGESTS}
    if not known:
        raise BadCredentials(f"Content-Digest is {' or '.join(DIGESTS)}.")
    made = {name: DIGESTS[name]() for name in known}
    body = request.open_body()
    for chunk in green.fairly(iter(partial(body.read, _CHUNK), b"")):
        for each in made.values():
            each.update(chunk)
    for name, value in known.items():
        if not isinstance(value, bytes) or not hmac.compare_digest(made[name].digest(), value):
            raise BadCredentials("Content-Digest is not that of the body.")


def signed_headers(
    method: str, url: str, body: bytes = b"", *, key_id: str, secret: str, created: int, nonce: str
) -> dict[str, str]:
    """Return the headers that sign a request, for clients; ``created`` is in seconds.

    >>> headers = signed_headers('GET', 'https://api.example/notes?limit=2', key_id='k1',
    ...                          secret='s', created=1618884473, nonce='n1')
    >>> headers['Signature-Input']
    'sig=("@method" "@target-uri");created=1618884473;keyid="k1";nonce="n1";alg="hmac-sha256"'
    """
    parts = urlsplit(url)
    target = url.partition("://")[2].partition("#")[0].removeprefix(parts.netloc) or "/"
    headers = {"Host": parts.netloc}
    components = ["@method", "@target-uri"]
    if body:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers["Content-Digest"] = f"sha-256=:{digest}:"
        components.append("content-digest")
    parameters = {"created": created, "keyid": key_id, "nonce": nonce, "alg": "hmac-sha256"}
    request = Request(method, target, Headers(headers), client=Client("", parts.scheme))
    signed = sign(signature_base(request, components, parameters), secret.encode())
    described = _described("sig", components, parameters)
    del headers["Host"]
    return {
        **headers,
        "Signature-Input": described,
        "Signature": http_sf.ser({"sig": (signed, {})}),
    }


def _described(label: str, components: Sequence[str], parameters: Mapping[str, Any]) -> str:
    """Return the value of ``Signature-Input`` for a signature."""
    covered: Any = [(name, {}) for name in components]
    return http_sf.ser({label: (covered, dict(parameters))})


def _component(request: Request, name: str) -> str:
    """Return the value of a component; `BadCredentials` for one that is not there."""
    if name.startswith("@"):
        derive = _DERIVED.get(name)
        if derive is None:
            raise BadCredentials(f"The components are {', '.join(_DERIVED)} and header fields.")
        return derive(request)
    values = request.headers.get_all(name)
    if not values or name != name.lower():
        raise BadCredentials("A component that is signed is a header field that is not there.")
    return ", ".join(value.strip(" \t") for value in values)


def _authority(request: Request) -> str:
    """Return the host in lower case, without the port that its scheme has anyway."""
    return request.host.lower().removesuffix(_PORTS.get(request.scheme, ":"))


def _path(request: Request) -> str:
    target = request.target.partition("?")[0]
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target or "/"


def _query(request: Request) -> str:
    return "?" + request.target.partition("?")[2]


def _target_uri(request: Request) -> str:
    query = _query(request) if "?" in request.target else ""
    return f"{request.scheme}://{_authority(request)}{_path(request)}{query}"


_DERIVED: Final[Mapping[str, Callable[[Request], str]]] = {
    "@method": lambda request: request.method,
    "@target-uri": _target_uri,
    "@authority": _authority,
    "@scheme": lambda request: request.scheme,
    "@request-target": lambda request: request.target,
    "@path": _path,
    "@query": _query,
}
"""The components of a request that are no header fields (RFC 9421, section 2.2)."""


def _dictionary(header: str, value: str) -> Members:
    """Return a dictionary of structured fields (RFC 9651, section 3.2), as pairs of each member."""
    if len(value) > MAX_HEADER_LENGTH:
        raise BadCredentials(f"{header} has at most {MAX_HEADER_LENGTH} characters.")
    try:
        found = http_sf.parse(value.encode("latin-1"), tltype="dictionary")
    except ValueError as reason:
        raise BadCredentials(f"{header} is not a dictionary of structured fields.") from reason
    return cast("Members", found)
