"""Models: users, their profiles, tokens and keys as documents, and a place to keep them."""

from __future__ import annotations

from brubeck.models.accounts import StoredAccounts
from brubeck.models.documents import AccessToken, RequestKey, User, UserProfile
from brubeck.models.errors import AccountRefused, NoSuchUser, UsernameTaken

__all__ = [
    "AccessToken",
    "AccountRefused",
    "NoSuchUser",
    "RequestKey",
    "StoredAccounts",
    "User",
    "UserProfile",
    "UsernameTaken",
]
