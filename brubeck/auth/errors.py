"""The error of bad credentials, with a text that may be shown to the client."""

from __future__ import annotations

from brubeck.errors import BrubeckError


class BadCredentials(BrubeckError):
    """Credentials that were sent and are not good; the answer is 401.

    Its text never distinguishes an unknown name from a wrong password. ``challenge`` is the value
    of ``WWW-Authenticate`` for just this request; None means that of the scheme.
    """

    def __init__(self, message: str, *, challenge: str | None = None) -> None:
        super().__init__(message)
        self.challenge = challenge


class PasswordRefused(BrubeckError):
    """A password that cannot be one, such as an empty or endless one."""
