"""The errors of accounts, tokens and keys."""

from __future__ import annotations

from brubeck.errors import BrubeckError


class AccountRefused(BrubeckError):
    """An invalid value of an account, a token or a key."""


class UsernameTaken(AccountRefused):
    """A name that somebody has already, in whichever spelling."""


class NoSuchUser(AccountRefused):
    """A name that nobody has."""
