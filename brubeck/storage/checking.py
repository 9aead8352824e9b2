"""Looking whether a storage is set up as the promises need it: for ``brubeck check``.

An optional ability: a storage that has a `check` method is `Checkable`, and no other has to be.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

Grade: TypeAlias = Literal["fine", "note", "wrong"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, in a sentence without secrets.

    ``wrong``: a promise does not hold so. ``note``: it holds as far as the setting allows.
    """

    grade: Grade
    text: str


def fine(text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding("fine", text)


def note(text: str) -> Finding:
    """Return a finding that explains a setting."""
    return Finding("note", text)


def wrong(text: str) -> Finding:
    """Return a finding of an error that has to be corrected."""
    return Finding("wrong", text)


@runtime_checkable
class Checkable(Protocol):
    """A storage that can tell how it is set up."""

    def check(self) -> list[Finding]:
        """Return the findings; raise `Unavailable` when the storage cannot be reached."""


@runtime_checkable
class Building(Protocol):
    """A stream whose indexes are built in the background."""

    def unfinished(self) -> tuple[str, ...]:
        """Return the fields with a declared but incomplete index, without starting its build."""


@runtime_checkable
class Progressing(Protocol):
    """A stream that knows how far its indexes are built."""

    def progress(self) -> dict[str, float]:
        """Return the part of each unfinished index that is built, 0 to 1, where it is known."""
