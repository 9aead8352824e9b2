"""A small world for schemes: a few accounts, a clock that stands still, and requests."""

from __future__ import annotations

import base64

from brubeck.auth import Account, AuthContext, BadCredentials, Caller, Grant, Scheme, SigningKey
from brubeck.auth.tokens import digest
from brubeck.http import Headers, Request
from brubeck.http.proxies import Client
from brubeck.timekeeping import HeldClock
from tests.passwords import CHEAP

NOW = 1_500_000_000_000
"""What time it is, in milliseconds."""

PAUL = Account("u1", "paul", CHEAP.hash("take:five"), frozenset({"read", "write"}))
BJORN = Account("u2", "björn", CHEAP.hash("pässwörd ☃"))
GONE = Account("u3", "gone", CHEAP.hash("take:five"), active=False)
SILENT = Account("u4", "silent")

SECRET = b"a key of thirty-two bytes or so.."


class World:
    """Accounts, keys and a clock; it is both the context and the accounts."""

    def __init__(self) -> None:
        self.clock = HeldClock(NOW * 1000)
        self.cookie_keys: list[str] = ["new key", "old key"]
        self.people = {each.id: each for each in (PAUL, BJORN, GONE, SILENT)}
        self.tokens: dict[str, Grant] = {}
        self.keys = {"k1": SigningKey("k1", SECRET, PAUL)}

    @property
    def accounts(self) -> World:
        return self

    def by_username(self, name: str) -> Account | None:
        return next((each for each in self.people.values() if each.username == name), None)

    def by_id(self, user_id: str) -> Account | None:
        return self.people.get(user_id)

    def by_token(self, digest: str) -> Grant | None:
        return self.tokens.get(digest)

    def signing_key(self, key_id: str) -> SigningKey | None:
        return self.keys.get(key_id)

    def add_token(self, token: str, grant: Grant) -> None:
        self.tokens[digest(token)] = grant


def request(
    method: str = "GET", target: str = "/notes", body: bytes = b"", /, **headers: str
) -> Request:
    """Return a request; in the names of headers an underscore stands for a dash."""
    sent = Headers({"Host": "api.example"})
    for name, value in headers.items():
        sent[name.replace("_", "-")] = value
    return Request(method, target, sent, body, client=Client("127.0.0.1", "https", ""))


def basic(username: str, password: str) -> str:
    """Return the header of a name and a password."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def outcome(scheme: Scheme, asked: Request, context: AuthContext) -> Caller | str | None:
    """Return what a scheme says, of bad credentials the words."""
    try:
        return scheme.authenticate(asked, context)
    except BadCredentials as reason:
        return str(reason)
