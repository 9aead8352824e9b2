"""`Tokens` and `Keys`: the credentials of users besides passwords, in a storage."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final, Generic, TypeVar

from brubeck.auth.tokens import digest, new_token
from brubeck.documents.collection import DocumentCollection
from brubeck.models.documents import AccessToken, Credential, RequestKey, User
from brubeck.models.names import checked_scopes
from brubeck.storage import Storage
from brubeck.timekeeping import Clock

TOKENS: Final = "brubeck.tokens"
KEYS: Final = "brubeck.keys"

C = TypeVar("C", bound=Credential)


class _Credentials(Generic[C]):
    """The credentials of a kind; each is a user's."""

    def __init__(self, storage: Storage, name: str, *, model: type[C], clock: Clock) -> None:
        self._clock = clock
        self._model = model
        self._stored = DocumentCollection(storage, name, model=model, clock=clock, owner="user_id")

    def get(self, iid: str) -> C | None:
        """Return the credential of an id, also one that has expired, or None."""
        return self._stored.get(iid)

    def of(self, user: User) -> list[C]:
        """Return the credentials of a user, the oldest first."""
        return self._stored.owned_by(user.id or "")

    def revoke(self, iid: str) -> bool:
        """Remove a credential, from now on, and return whether there was one."""
        return self._stored.remove(iid)

    def revoke_all(self, user: User) -> int:
        """Remove every credential of a user, and return how many there were."""
        return sum(self.revoke(each.id or "") for each in self.of(user))

    def _add(
        self,
        iid: str,
        user: User,
        *,
        scopes: Iterable[str] | None,
        expires_at: int | None,
        note: str,
        **fields: Any,
    ) -> C:
        self._forget_expired(user)
        made = self._model(
            id=iid,
            user_id=user.id,
            limited=scopes is not None,
            scopes=checked_scopes(scopes or ()),
            expires_at=expires_at,
            note=note or None,
            created_at=self._clock.micros() // 1000,
            **fields,
        )
        self._stored.add(made)
        return made

    def _forget_expired(self, user: User) -> None:
        # A user that makes many short-lived ones also clears them away.
        now = self._clock.micros() // 1000
        for each in self.of(user):
            if each.expires_at is not None and each.expires_at <= now:
                self.revoke(each.id or "")


class Tokens(_Credentials[AccessToken]):
    """The tokens of a storage, by their digests."""

    def __init__(self, storage: Storage, *, clock: Clock) -> None:
        super().__init__(storage, TOKENS, model=AccessToken, clock=clock)

    def create(
        self,
        user: User,
        *,
        scopes: Iterable[str] | None = None,
        expires_at: int | None = None,
        note: str = "",
    ) -> tuple[str, AccessToken]:
        """Create a token for a user; return it, to be shown once, and its stored document.

        With ``scopes`` it is limited to those. ``expires_at`` is in milliseconds since the epoch.
        """
        token = new_token()
        kept = self._add(digest(token), user, scopes=scopes, expires_at=expires_at, note=note)
        return token, kept


class Keys(_Credentials[RequestKey]):
    """The keys of a storage that requests are signed with."""

    def __init__(self, storage: Storage, *, clock: Clock) -> None:
        super().__init__(storage, KEYS, model=RequestKey, clock=clock)

    def create(
        self,
        user: User,
        *,
        scopes: Iterable[str] | None = None,
        expires_at: int | None = None,
        note: str = "",
    ) -> RequestKey:
        """Create a key for a user; requests are signed with its ``id`` and ``secret``."""
        iid, secret = f"key_{secrets.token_hex(8)}", secrets.token_urlsafe(32)
        return self._add(iid, user, scopes=scopes, expires_at=expires_at, note=note, secret=secret)
