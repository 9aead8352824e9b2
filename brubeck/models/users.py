"""`Users`: people in a storage, each under a name that nobody else has.

A user is stored under its own id, and its name in a claim, whose id is made of the name: so one of
any number of writers gets it, on every storage. The user is written first. A claim without a user
therefore always belonged to a removed user, and may be taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from brubeck.auth import hash_password
from brubeck.documents.collection import DocumentCollection
from brubeck.documents.repository import MAX_ATTEMPTS
from brubeck.models.documents import Claim, User
from brubeck.models.errors import NoSuchUser, UsernameTaken
from brubeck.models.names import checked_scopes, claim_id
from brubeck.storage import Storage, StorageError
from brubeck.storage.ids import new_id
from brubeck.timekeeping import Clock

USERS: Final = "brubeck.users"
CLAIMS: Final = "brubeck.usernames"


class Users:
    """The users of a storage. Names are taken in any spelling that is folded to the same."""

    def __init__(self, storage: Storage, *, clock: Clock) -> None:
        self._clock = clock
        self._users = DocumentCollection(storage, USERS, model=User, clock=clock)
        self._claims = DocumentCollection(storage, CLAIMS, model=Claim, clock=clock)

    # Reading.

    def find(self, username: str) -> User | None:
        """Return the user of a name, or None."""
        name = claim_id(username)
        claim = None if name is None else self._claims.get(name)
        return None if claim is None else self.by_id(claim.user_id or "")

    def get(self, username: str) -> User:
        """Return the user of a name; `NoSuchUser` where there is none."""
        user = self.find(username)
        if user is None:
            raise NoSuchUser(f"There is no user {username!r}.")
        return user

    def by_id(self, user_id: str) -> User | None:
        """Return the user of an id, or None."""
        return self._users.get(user_id)

    def all(self) -> list[User]:
        """Return every user, the oldest first."""
        users = list(self._users.each())
        claims = self._claims.get_many([_claim_of(user) for user in users])
        owners = {claim.user_id for claim in claims.values()}
        # Whoever was cut off while a user was made may have left one that has no name.
        return [user for user in users if user.id in owners]

    # Writing.

    def create(
        self, username: str, password: str | None = None, *, scopes: Iterable[str] = ()
    ) -> User:
        """Store a new user, with an id that nobody ever had.

        Raises `UsernameTaken`, `AccountRefused` for a bad name or scope, `PasswordRefused`.
        """
        taken = UsernameTaken(f"There is a user {username!r}.")
        if self.find(username) is not None:
            raise taken
        user = User.create_user(username, password, scopes=scopes)
        user.id = new_id()
        user.created_at = user.updated_at = self._now()
        self._users.add(user)
        if not self._take_name(user):
            self._users.remove(user.id)
            raise taken
        return user

    def set_password(self, username: str, password: str) -> User:
        """Give a user another password, which ends the sessions of the former one."""
        line = hash_password(password)

        def change(user: User) -> None:
            user.password = line

        return self._change(username, change)

    def rehash(self, user: User, password: str) -> User | None:
        """Hash a verified password again into a new line; None where it has changed since."""
        former, line = user.password, hash_password(password)

        def change(found: User) -> None:
            if found.password == former:
                found.password = line

        found = self._users.change(user.id or "", change)
        return found if found is not None and found.password == line else None

    def set_scopes(self, username: str, scopes: Iterable[str]) -> User:
        """Give a user other scopes; credentials that are limited have no more than these."""
        wanted = checked_scopes(scopes)

        def change(user: User) -> None:
            user.scopes = wanted

        return self._change(username, change)

    def set_active(self, username: str, active: bool) -> User:
        """Let a user in, or no longer; everything the user has stays."""

        def change(user: User) -> None:
            user.is_active = active

        return self._change(username, change)

    def remove(self, username: str) -> User:
        """Remove a user and free the name; the next user of that name has another id."""
        user = self.get(username)
        if not self._users.remove(user.id or ""):
            raise NoSuchUser(f"There is no user {username!r}.")
        self._claims.remove(_claim_of(user), when=lambda claim: claim.user_id == user.id)
        return user

    def _change(self, username: str, change: Callable[[User], None]) -> User:
        def dated(user: User) -> None:
            change(user)
            user.updated_at = self._now()

        changed = self._users.change(self.get(username).id or "", dated)
        if changed is None:
            raise NoSuchUser(f"There is no user {username!r}.")
        return changed

    def _take_name(self, user: User) -> bool:
        """Claim the name of a stored user, and return whether it is the user's now."""

        def take_over(claim: Claim) -> None:
            if self._users.get(claim.user_id or "") is None:
                claim.user_id = user.id

        claim = Claim(id=_claim_of(user), user_id=user.id, created_at=user.created_at)
        for _ in range(MAX_ATTEMPTS):
            if self._claims.add(claim):
                return True
            held = self._claims.change(claim.id or "", take_over)
            if held is not None:
                return held.user_id == user.id
        raise StorageError(f"The name {user.username!r} is claimed by others all the time.")

    def _now(self) -> int:
        return self._clock.micros() // 1000


def _claim_of(user: User) -> str:
    return claim_id(user.username or "") or ""
