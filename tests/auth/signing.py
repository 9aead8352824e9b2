"""Requests that are signed, by a client and by hand."""

from __future__ import annotations

import base64
from typing import Any

from brubeck.auth import Caller
from brubeck.auth.signed_messages import (
    sign,
    signature_base,
    signed_headers,
)
from brubeck.http import Request
from tests.auth.world import NOW, SECRET, request

PAULS = Caller("u1", "paul", frozenset({"read", "write"}), "key:k1")
WRONG = "The signature is not valid."
OLD = "The signature is too old; sign the request again."
AGAIN = "The nonce was already used; sign the request again with another nonce."
URL = "https://api.example/notes?limit=2"
TARGET = "/notes?limit=2"


def signed(method: str = "GET", url: str = URL, body: bytes = b"", **said: Any) -> dict[str, str]:
    """Return the headers of a request that is signed well."""
    good: dict[str, Any] = {
        "key_id": "k1",
        "secret": SECRET.decode(),
        "created": NOW // 1000,
        "nonce": "n1",
    }
    made = signed_headers(method, url, body, **(good | said))
    return {name.replace("-", "_").lower(): value for name, value in made.items()}


def made_by_hand(
    components: list[str], asked: Request | None = None, **parameters: Any
) -> dict[str, str]:
    """Return the headers of a request that is signed with any components and parameters."""
    given = {"created": NOW // 1000, "keyid": "k1", "nonce": "n1"} | parameters
    kept = {name: value for name, value in given.items() if value is not None}
    base = signature_base(asked or request("GET", TARGET), components, kept)
    described = base.decode("latin-1").rpartition('"@signature-params": ')[2]
    value = base64.b64encode(sign(base, SECRET)).decode()
    return {"signature_input": f"s={described}", "signature": f"s=:{value}:"}
