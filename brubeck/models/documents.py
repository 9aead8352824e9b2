"""The documents of users and of their credentials; they are kept in any storage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from brubeck.auth import Account, check_password, hash_password, needs_rehash
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import (
    BooleanField,
    EmailField,
    ListField,
    MillisecondField,
    StringField,
    URLField,
)
from brubeck.models.errors import AccountRefused
from brubeck.models.names import MAX_NAME_LENGTH, checked_scopes, folded


class User(Document):
    """A user. The id is new in every life of a name; the password is a line.

    >>> user = User.create_user('dave', 'take five')
    >>> user.check_password('take five'), user.check_password('take six')
    (True, False)
    >>> 'password' in user.make_json_ownersafe(user)
    False
    """

    _internal_fields = ("_id", "_cls", "_types")
    _private_fields = ("password",)
    _public_fields = ("id", "username")

    id = StringField(max_length=128)
    username = StringField(required=True, max_length=MAX_NAME_LENGTH)
    password = StringField(max_length=512, description="The password line.")
    scopes = ListField(StringField(max_length=128), description="What the user may.")
    is_active = BooleanField(default=True, description="Whether the user is let in.")
    created_at = MillisecondField()
    updated_at = MillisecondField()

    @classmethod
    def create_user(
        cls, username: str, password: str | None = None, *, scopes: Iterable[str] = ()
    ) -> Self:
        """Return a new user, to be stored; without a password it cannot come with one.

        Raises `AccountRefused` for a bad name or scope, `PasswordRefused` for a bad password.
        """
        if folded(username) is None:
            raise AccountRefused(
                f"A name has 1 to {MAX_NAME_LENGTH} characters, and no spaces, colons or control "
                "characters."
            )
        user = cls(username=username, scopes=checked_scopes(scopes))
        if password is not None:
            user.set_password(password)
        return user

    def set_password(self, raw_password: str) -> None:
        """Hash a password into a new line; `PasswordRefused` for an invalid one."""
        self.password = hash_password(raw_password)

    def check_password(self, raw_password: str) -> bool:
        """Return whether a password is this user's; also no password takes its time."""
        return check_password(raw_password, self.password or "")

    @property
    def needs_rehash(self) -> bool:
        """Whether the line was made in another way than one would be made now."""
        return bool(self.password) and needs_rehash(self.password or "")

    def account(self) -> Account:
        """Return the account of this user, as schemes use it."""
        return Account(
            self.id or "",
            self.username or "",
            self.password or "",
            frozenset(self.scopes or ()),
            bool(self.is_active),
        )


class UserProfile(Document):
    """A user's public profile; it has no credentials."""

    _private_fields = ("owner_id",)
    _public_fields = (
        *("id", "owner_username", "name", "website", "bio", "location_text", "avatar_url"),
    )

    id = StringField(max_length=128)
    owner_id = StringField(max_length=128)
    owner_username = StringField(max_length=MAX_NAME_LENGTH)
    created_at = MillisecondField()
    updated_at = MillisecondField()
    name = StringField(max_length=255)
    email = EmailField(max_length=100)
    website = URLField(max_length=255)
    bio = StringField(max_length=500)
    location_text = StringField(max_length=100)
    avatar_url = URLField(max_length=255)

    @classmethod
    def create_profile(cls, user: User, **fields: str) -> Self:
        """Return the profile of a user, to be stored under the user's id."""
        return cls(id=user.id, owner_id=user.id, owner_username=user.username, **fields)


class Claim(Document):
    """The owner of a name: the id is made of the name, so there is one of each."""

    id = StringField(max_length=128)
    user_id = StringField(required=True, max_length=128)
    created_at = MillisecondField()


class Credential(Document):
    """A credential of a user other than a password.

    One that is ``limited`` has only its own scopes, and of those only the user's. ``expires_at``
    is in milliseconds since the epoch, none is never.
    """

    id = StringField(max_length=128)
    user_id = StringField(required=True, max_length=128)
    note = StringField(max_length=200, description="What it is for, in its owner's words.")
    limited = BooleanField(default=False)
    scopes = ListField(StringField(max_length=128))
    expires_at = MillisecondField()
    created_at = MillisecondField()

    @property
    def granted(self) -> frozenset[str] | None:
        """The scopes that it is limited to, or None."""
        return frozenset(self.scopes or ()) if self.limited else None


class AccessToken(Credential):
    """A token: its id is the digest, and the token itself is nowhere."""


class RequestKey(Credential):
    """A key that requests are signed with. Both sides have to know it, so it is kept as it is."""

    _private_fields = ("secret",)

    secret = StringField(required=True, max_length=200)
