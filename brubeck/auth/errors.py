"""What can be wrong with credentials, in words that may be shown to whoever sent them."""

from __future__ import annotations

from brubeck.errors import BrubeckError


class BadCredentials(BrubeckError):
    """Credentials that were sent and are not good; the answer is 401.

    What it says never tells an unknown name from a wrong password. ``challenge`` is what the scheme
    says in ``WWW-Authenticate`` to just this request; None means its usual one.
    """

    def __init__(self, message: str, *, challenge: str | None = None) -> None:
        super().__init__(message)
        self.challenge = challenge


class PasswordRefused(BrubeckError):
    """A password that cannot be one, such as an empty or endless one."""
