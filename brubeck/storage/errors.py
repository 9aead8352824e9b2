"""What a storage raises, whatever it is made of; a driver's own error is the cause."""

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
    """A filter whose index is not complete yet; its text may be shown to callers."""


class LostPlace(StorageError):
    """A position whose history is gone: of another era, past the head, or purged since.

    Who followed from there has missed changes that nobody can tell any more, and starts over.
    """


class NotCanonical(StorageError):
    """A record that not every storage could give back as it came; says where and why."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or '/'}: {detail}")
        self.pointer = pointer
        self.detail = detail
