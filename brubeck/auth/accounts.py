"""What schemes look up, and where: values, and the protocols of who provides them.

`brubeck.models` keeps accounts in any storage; a program that has its own users provides `Accounts`
instead, or hands a single scheme the one look-up that it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from brubeck.auth.caller import Caller
from brubeck.auth.errors import BadCredentials
from brubeck.timekeeping import Clock

Scopes = frozenset[str]


class Account(msgspec.Struct, frozen=True):
    """Somebody who may ask.

    ``password_line`` is what `brubeck.auth.passwords` made of the password; who has none cannot
    come with one. An account that is not ``active`` is known, and let in nowhere.
    """

    id: str
    username: str = ""
    password_line: str = ""
    scopes: Scopes = frozenset()
    active: bool = True

    def caller(self, credential: str, scopes: Scopes | None = None) -> Caller:
        """Return the caller that this account is; `BadCredentials` where it is not active.

        ``scopes`` are those of the credential; it never gives more than the account has.
        """
        if not self.active:
            raise BadCredentials("The credentials are not valid.")
        granted = self.scopes if scopes is None else self.scopes & scopes
        return Caller(self.id, self.username, granted, credential)


class Grant(msgspec.Struct, frozen=True):
    """What a token stands for: an account, or a part of what it may.

    ``scopes`` None are all that the account has. ``expires_at`` is in milliseconds since the epoch,
    None is never. ``token_id`` names the token, and is no secret.
    """

    account: Account
    scopes: Scopes | None = None
    expires_at: int | None = None
    token_id: str = ""


class SigningKey(msgspec.Struct, frozen=True):
    """A key that somebody signs requests with, known to both sides; fields as in `Grant`."""

    id: str
    secret: bytes
    account: Account
    scopes: Scopes | None = None
    expires_at: int | None = None

    def __repr__(self) -> str:
        return f"<SigningKey {self.id}>"


class Accounts(Protocol):
    """Whoever knows the accounts; every look-up may raise `Unavailable`."""

    def by_username(self, name: str) -> Account | None:
        """Return the account of a name, as people write it."""

    def by_id(self, user_id: str) -> Account | None:
        """Return the account of an id."""

    def by_token(self, digest: str) -> Grant | None:
        """Return what the token of a digest (`brubeck.auth.tokens`) stands for."""

    def signing_key(self, key_id: str) -> SigningKey | None:
        """Return the signing key of an id."""


@runtime_checkable
class RemembersNonces(Protocol):
    """Accounts that also remember, for all processes, which requests have come."""

    def first_use(self, nonce: str, seconds: float) -> bool:
        """Tell whether a nonce comes for the first time within so many seconds."""


class AuthContext(Protocol):
    """What a scheme finds in the application."""

    @property
    def accounts(self) -> Accounts:
        """Whoever knows the accounts."""

    @property
    def cookie_keys(self) -> Sequence[str]:
        """The keys of signed cookies; the first one signs, all of them verify."""

    @property
    def clock(self) -> Clock:
        """What tells the time."""


def check_expiry(expires_at: int | None, clock: Clock, message: str) -> None:
    """Raise `BadCredentials` for what ends at or before the present millisecond."""
    if expires_at is not None and expires_at <= clock.micros() // 1000:
        raise BadCredentials(message)
