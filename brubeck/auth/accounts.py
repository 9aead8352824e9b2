"""Accounts and tokens as schemes look them up, and the protocols of their providers.

`brubeck.models` keeps accounts in any storage; a program that has its own users provides
`Accounts` instead, or hands a single scheme the one look-up that it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from brubeck.auth.caller import Caller, check_person
from brubeck.auth.errors import BadCredentials
from brubeck.timekeeping import Clock

Scopes = frozenset[str]


class Account(msgspec.Struct, frozen=True):
    """The account of a user.

    ``password_line`` is what `brubeck.auth.passwords` made of the password; an account without one
    cannot use a password. An account that is not ``active`` exists, and is refused everywhere.
    """

    id: str
    username: str = ""
    password_line: str = ""
    scopes: Scopes = frozenset()
    active: bool = True

    def __post_init__(self) -> None:
        check_person(self)
        if not isinstance(self.active, bool):
            raise TypeError(f"Account.active is True or False, not {type(self.active).__name__}")

    def __repr__(self) -> str:
        return f"<Account {self.id}>"

    def caller(self, credential: str, scopes: Scopes | None = None) -> Caller:
        """Return the caller that this account is; `BadCredentials` where it is not active.

        ``credential`` is the caller's, such as ``'sso:7'``. ``scopes`` are those of the credential;
        it never gives more than the account has.
        """
        if not self.active:
            raise BadCredentials("The credentials are not valid.")
        granted = self.scopes if scopes is None else self.scopes & scopes
        return Caller(self.id, self.username, granted, credential)


class Grant(msgspec.Struct, frozen=True):
    """The rights of a token: those of an account, or a part of them.

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
    """The provider of the accounts; every look-up may raise `Unavailable`."""

    def by_username(self, name: str) -> Account | None:
        """Return the account of a name, as people write it."""

    def by_id(self, user_id: str) -> Account | None:
        """Return the account of an id."""

    def by_token(self, digest: str) -> Grant | None:
        """Return the grant of the token with this digest (`brubeck.auth.tokens`)."""

    def signing_key(self, key_id: str) -> SigningKey | None:
        """Return the signing key of an id."""


@runtime_checkable
class RemembersNonces(Protocol):
    """Accounts that also remember, for all processes, which requests have come."""

    def first_use(self, nonce: str, seconds: float) -> bool:
        """Return whether a nonce is new within the last ``seconds``, and remember it."""


class AuthContext(Protocol):
    """The parts of the application that a scheme uses."""

    @property
    def accounts(self) -> Accounts:
        """The provider of the accounts."""

    @property
    def cookie_keys(self) -> Sequence[str]:
        """The keys of signed cookies; the first one signs, all of them verify."""

    @property
    def clock(self) -> Clock:
        """The clock of the application."""


def check_expiry(expires_at: int | None, clock: Clock, message: str) -> None:
    """Raise `BadCredentials` after an expiry (milliseconds since the epoch); None never expires."""
    if expires_at is not None and expires_at <= clock.micros() // 1000:
        raise BadCredentials(message)
