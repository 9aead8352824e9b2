"""The history of an item that its next write depends on, and the conditions of writes.

A write that is sent again is known by its token, and a reader may have seen any earlier version.
So an entry keeps both beside its record, and its tombstone keeps them too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from brubeck.storage.conditions import Former, may_have_met
from brubeck.storage.records import FieldCondition, Put, Refused, Scalar, Write, Written
from brubeck.storage.schema import Values

TOKENS: Final = 8
"""How many of its last writes an entry remembers at the least."""
MAX_TOKENS: Final = 64
"""How many it remembers at the most."""
RETRY: Final = 60_000_000
"""For how many microseconds a write may be sent again, as long as `MAX_TOKENS` hold it."""
FORMER_LIMIT: Final = 32
"""How many former values of a field an entry keeps; after that it may have had any."""


class WriteHistory(msgspec.Struct, omit_defaults=True, gc=False):
    """The history of an entry's writes: tokens, former values and viewers."""

    tokens: tuple[tuple[str, int], ...] = ()
    """The token and the position of each of the last writes, the oldest first."""
    former: Former = {}
    viewers: tuple[str, ...] = ()
    """The viewers that could see the item when it was deleted."""
    late: tuple[str, ...] = ()
    """The viewers that came when the item was there already: they have not seen all its values."""

    def outcome_of(self, token: str) -> Written | None:
        """Return the outcome of a write that has happened, or None."""
        for known, position in self.tokens:
            if known == token:
                return Written(position)
        return None

    def remember(self, token: str, position: int) -> None:
        """Take note of a write that was given a position."""
        tokens = (*self.tokens, (token, position))
        while len(tokens) > TOKENS and (
            len(tokens) > MAX_TOKENS or tokens[0][1] < position - RETRY
        ):
            tokens = tokens[1:]
        self.tokens = tokens

    def admit(self, could: Collection[str], can: Collection[str]) -> None:
        """Remember which viewers of a new version could not see the one before it."""
        self.late = tuple(sorted(each for each in can if each in self.late or each not in could))

    def may_have_met(
        self, where: Iterable[FieldCondition], values: Mapping[str, Values], viewer: str | None
    ) -> bool:
        """Return whether a viewer, or anybody, may have seen a version that met some conditions.

        A viewer that came late may always have: what the former values were is not for it to know.
        """
        return viewer in self.late or may_have_met(where, values, self.former)

    def replace(self, old: Mapping[str, Values], new: Mapping[str, Values]) -> None:
        """Record the replaced values, which readers may have seen."""
        for name, values in old.items():
            if values and values != new.get(name):
                self.former[name] = _joined(self.former.get(name, []), values)


def _joined(known: list[Scalar] | None, values: Iterable[Scalar]) -> list[Scalar] | None:
    if known is None:
        return None
    joined = list(dict.fromkeys((*known, *values)))
    return joined if len(joined) <= FORMER_LIMIT else None


def refusal(write: Write, *, live: bool, position: int | None) -> Refused | None:
    """Return the refusal of a write by the state of its id, or None.

    ``position`` is where the record or its tombstone stands, None where there is neither.
    """
    if isinstance(write, Put) and write.expected is None:
        return Refused("exists", position) if live else None
    if not live:
        return Refused("missing", position)
    if write.expected is not None and write.expected != position:
        return Refused("moved", position)
    return None
