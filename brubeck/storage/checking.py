"""Looking whether a storage is set up as the promises need it: for ``brubeck check``.

An optional ability: a storage that has a `check` method is `Checkable`, and no other has to be.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias, runtime_checkable

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


_APART: Final = 1000
"""The milliseconds between two clocks from which readers see times out of order."""


def of_clock(here: int, there: int) -> Finding:
    """Return whether the clock of a server agrees with that of this process, in milliseconds.

    Items and changes get the times of the process that writes them: of machines whose clocks are
    apart they stand in another order than they were written in.
    """
    apart = here - there
    if abs(apart) < _APART:
        return fine("the clocks of this machine and of the server agree")
    word = "ahead of" if apart > 0 else "behind"
    return note(
        f"the clock of this machine is {abs(apart) / 1000:.1f} s {word} the server's: set both by "
        "NTP, or items of several machines get times in another order than they were written in"
    )


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
