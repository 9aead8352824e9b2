"""Carrying out errands: read the stored record, write, and retry where another writer came first.

A refused write means that another writer's happened in between. So all writers together always
make progress, and one that is overtaken again and again gives up in the end, with an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from brubeck.queryset.base import AlreadyThere
from brubeck.queryset.errands import Errand
from brubeck.storage import NotCanonical, Queryset, Record, Refused, StorageError, Write
from brubeck.storage.ids import is_id

BATCH: Final = 500
"""How many items go into one call of the storage."""
ROUNDS: Final = 1000
"""How often a write that others overtake is tried."""

T = TypeVar("T")


def carry_out(stream: Queryset, errands: Sequence[Errand], *, look: bool) -> None:
    """Do errands, each by itself; those to one id in their order.

    ``look`` is for those that probably find something: to look first saves them a refusal.
    """
    for batch in batches(errands):
        for wave in _waves(batch):
            _carry_out(stream, wave, look=look)


def records(stream: Queryset, ids: Sequence[str]) -> dict[str, Record]:
    """Return the records of some ids, by id; an invalid id has none."""
    possible = [each for each in ids if is_id(each)]
    found = (each for batch in batches(possible) for each in stream.get(batch))
    return {each.id: each for each in found if isinstance(each, Record)}


def batches(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield items in batches of a size that a storage accepts at once."""
    for start in range(0, len(things), BATCH):
        yield things[start : start + BATCH]


def _carry_out(stream: Queryset, errands: list[Errand], *, look: bool) -> None:
    """Do errands to different ids."""
    found = records(stream, [each.id for each in errands]) if look else {}
    for _ in range(ROUNDS):
        errands = _try(stream, errands, found)
        if not errands:
            return
        found = records(stream, [each.id for each in errands])
    for errand in errands:
        errand.fail(StorageError(f"{errand.id} is changed by others all the time."))


def _try(stream: Queryset, errands: list[Errand], found: dict[str, Record]) -> list[Errand]:
    """Try errands where records were found, and return those that came too late."""
    tried: list[tuple[Errand, Write]] = []
    for errand in errands:
        try:
            write = errand.write(found.get(errand.id))
        except (NotCanonical, AlreadyThere) as reason:
            errand.fail(reason)
            continue
        if write is None:
            errand.finish(None)
        else:
            tried.append((errand, write))
    outcomes = stream.write([write for _, write in tried]) if tried else []
    late = []
    for (errand, _), outcome in zip(tried, outcomes, strict=True):
        if isinstance(outcome, Refused):
            late.append(errand)
        else:
            errand.finish(found.get(errand.id))
    return late


def _waves(errands: Iterable[Errand]) -> list[list[Errand]]:
    """Return errands in groups, to be done one group after the other: an id is once in each."""
    waves: list[list[Errand]] = []
    counts: dict[str, int] = {}
    for errand in errands:
        count = counts[errand.id] = counts.get(errand.id, 0) + 1
        if count > len(waves):
            waves.append([])
        waves[count - 1].append(errand)
    return waves
