"""The errors of accounts, tokens and keys."""

from __future__ import annotations

from brubeck.errors import BrubeckError


class AccountRefused(BrubeckError):
    """An account, or something of one, that cannot be as it was asked for."""


class UsernameTaken(AccountRefused):
    """A name that somebody has already, in whichever spelling."""


class NoSuchUser(AccountRefused):
    """A name that nobody has."""
