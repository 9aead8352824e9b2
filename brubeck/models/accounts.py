"""`StoredAccounts`: the accounts that schemes ask, kept in any storage."""

from __future__ import annotations

from typing import Protocol

from brubeck.auth import Account, Accounts, Grant, SigningKey, check_password
from brubeck.auth.guesses import Guesses
from brubeck.errors import ConfigError
from brubeck.models.credentials import Keys, Tokens
from brubeck.models.documents import User
from brubeck.models.users import Users
from brubeck.storage import Storage
from brubeck.timekeeping import SYSTEM_CLOCK, Clock


class HasAccounts(Protocol):
    """A program with accounts."""

    @property
    def accounts(self) -> Accounts:
        """The provider of the accounts."""


class StoredAccounts:
    """Users, their tokens and their signing keys in a storage; an implementation of `Accounts`.

    Nothing is written by a look-up: a removed user, a taken scope and an expired token are found
    out by reading, with the very next request.

    >>> from brubeck.storage import open_storage
    >>> accounts = StoredAccounts(open_storage('memory://'))
    >>> dave = accounts.users.create('dave', scopes=['quakes:read'])
    >>> accounts.by_username('DAVE').scopes
    frozenset({'quakes:read'})
    """

    def __init__(self, storage: Storage, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.storage = storage
        self.users = Users(storage, clock=clock)
        self.tokens = Tokens(storage, clock=clock)
        self.keys = Keys(storage, clock=clock)
        self.guesses = Guesses()
        """The failed passwords of late, of forms to log in and of `BasicAuth` together."""

    @classmethod
    def of(cls, program: HasAccounts) -> StoredAccounts:
        """Return the stored accounts of a program; `ConfigError` where it has accounts of its own.

        >>> from brubeck import Brubeck
        >>> StoredAccounts.of(Brubeck()).log_in('dave', 'take five') is None
        True
        """
        if isinstance(program.accounts, cls):
            return program.accounts
        raise ConfigError("The program has accounts of its own, which know no passwords here.")

    # What schemes ask.

    def by_username(self, name: str) -> Account | None:
        """Return the account of a name, in any spelling of it."""
        user = self.users.find(name)
        return None if user is None else user.account()

    def by_id(self, user_id: str) -> Account | None:
        """Return the account of a user's id."""
        user = self.users.by_id(user_id)
        return None if user is None else user.account()

    def by_token(self, digest: str) -> Grant | None:
        """Return the grant of a token, or None; without its user it has none."""
        token = self.tokens.get(digest)
        account = None if token is None else self.by_id(token.user_id or "")
        if token is None or account is None:
            return None
        return Grant(account, token.granted, token.expires_at, digest[:16])

    def signing_key(self, key_id: str) -> SigningKey | None:
        """Return a key that requests are signed with; with its user it ends."""
        key = self.keys.get(key_id)
        account = None if key is None else self.by_id(key.user_id or "")
        if key is None or account is None:
            return None
        secret = (key.secret or "").encode()
        return SigningKey(key_id, secret, account, key.granted, key.expires_at)

    def first_use(self, nonce: str, seconds: float) -> bool:
        """Return whether a nonce is new within the last ``seconds``, and remember it."""
        return self.storage.hit(f"nonce:{nonce}", seconds) == 1

    # What programs ask.

    def log_in(self, username: str, password: str, address: str = "") -> User | None:
        """Return the user of a name and a password that are right, and let in; else None.

        With the ``address`` of the caller (``self.message.remote_addr``) guessing is slowed down:
        after too many failures of its network a `Problem` (429) is raised before anything is
        hashed. An old password line is replaced by one of the present parameters.
        """
        if not address:
            return self._log_in(username, password)
        with self.guesses.attempt(address, username) as attempt:
            user = self._log_in(username, password)
            if user is not None:
                attempt.succeed()
        return user

    def _log_in(self, username: str, password: str) -> User | None:
        user = self.users.find(username)
        line = "" if user is None else user.password or ""
        if not check_password(password, line) or user is None or not user.is_active:
            return None
        if not user.needs_rehash:
            return user
        rehashed = self.users.rehash(user, password)
        if rehashed is None:
            # Another line is there meanwhile, which may be of another password.
            return self._log_in(username, password)
        return rehashed if rehashed.is_active else None

    def remove_user(self, username: str) -> User:
        """Remove a user with all tokens and keys; `NoSuchUser` where there is none."""
        user = self.users.remove(username)
        self.tokens.revoke_all(user)
        self.keys.revoke_all(user)
        return user
