"""The errors that every storage raises; a driver's own error is their cause."""

from __future__ import annotations

from brubeck.errors import BrubeckError


class StorageError(BrubeckError):
    """Anything a storage raises on purpose."""


class Unavailable(StorageError):
    """The storage cannot be reached now; it may be later, after ``retry_after`` seconds."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class IndexBuilding(Unavailable):
    """A filter on an index that is not complete yet; its text may be shown to callers."""


class LostCursor(StorageError):
    """A position that cannot be followed: of another era, past the head, or purged since.

    Its reader has missed changes that are not kept any more, and starts over.
    """


class NotCanonical(StorageError):
    """A record that not every storage could give back as it came; says where and why."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or '/'}: {detail}")
        self.pointer = pointer
        self.detail = detail
