"""The verdict: what a stream, its readers and its writers have to agree on when all is quiet.

Nothing here knows how a storage works, or how it was treated. Each fault is a sentence; there must
be none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from brubeck.storage import (
    FieldCondition,
    PageQuery,
    Record,
    RecordStream,
    TimelineCursor,
    Tombstone,
)
from tests.fire.journal import Entry, entries
from tests.fire.writes import Sent, digest

View = dict[str, tuple[int, str]]
"""What is live: the position and the digest of each id."""


class Reading:
    """What a reader has come to believe, and where it was deceived."""

    def __init__(self, steps: Iterable[Entry], *, name: str = "a reader", group: str = "") -> None:
        self.name = name
        self.group = group
        self.view: View = {}
        self.seen: list[tuple[int, str, str]] = []  # position, id, digest
        self.lost: list[str] = []  # what it was told when it had to start over
        self.steps = 0
        self.faults: list[str] = []
        self._place = 0
        for step in steps:
            self.take(step)

    def take(self, step: Entry) -> None:
        """Take one step of its journal."""
        if "lost" in step:
            self.lost.append(step["lost"])
            self.view, self._place = {}, 0
        if "position" not in step:
            return
        self.steps += 1
        for position, item_id, found in step["changes"]:
            if position <= self._place:
                self.faults.append(f"{self.name} at {self._place} was shown {item_id}@{position}")
            self._place = position
            self.seen.append((position, item_id, found))
            if found:
                self.view[item_id] = (position, found)
            else:
                self.view.pop(item_id, None)
        if step["position"] < self._place:
            self.faults.append(f"{self.name} was sent back to {step['position']}")
        self._place = step["position"]


def reading(path: Path, *, group: str = "") -> Reading:
    """Return what the journal of a reader says."""
    return Reading(entries(path), name=path.stem, group=group)


def sendings(path: Path) -> list[Sent]:
    """Return the writes of a writer's journal, each with its last answer."""
    found: dict[str, Sent] = {}
    for entry in entries(path):
        for each in msgspec.convert(entry.get("sent", ()), list[Sent]):
            found[each.token] = each
        for each in msgspec.convert(entry.get("answered", ()), list[Sent]):
            found[each.token] = each
    return list(found.values())


def walked(stream: RecordStream, *, limit: int, descending: bool, group: str = "") -> list[Record]:
    """Return the records of a walk."""
    where = (FieldCondition("group", "eq", group),) if group else ()
    records: list[Record] = []
    start: TimelineCursor | None = None
    while True:
        query = PageQuery(limit=limit, descending=descending, start=start, where=where)
        page = stream.page(query)
        records += page.records
        if page.stopped is None:
            return records
        start = page.stopped


def standing(stream: RecordStream, ids: Sequence[str]) -> dict[str, Record | Tombstone | None]:
    """Return what stands at many ids."""
    found: dict[str, Record | Tombstone | None] = {}
    for start in range(0, len(ids), 200):
        some = ids[start : start + 200]
        found |= zip(some, stream.get(some), strict=True)
    return found


def judge(
    stream: RecordStream,
    sent: Sequence[Sent],
    readings: Sequence[Reading],
    *,
    ids: Sequence[str] = (),
) -> list[str]:
    """Return every fault; ``ids`` are those that nothing is known of but that they may be there."""
    faults = [fault for each in readings for fault in each.faults]
    there = standing(stream, sorted({*ids, *(each.id for each in sent)}))
    faults += _faults_of_walks(stream, there)
    for each in readings:
        faults += _faults_of_view(stream, each)
    by_id: dict[str, list[Sent]] = defaultdict(list)
    for write in sent:
        by_id[write.id].append(write)
    for item_id, writes in by_id.items():
        faults += _faults_of_item(item_id, writes, there[item_id])
    return [*faults, *_Ledger(sent, readings).faults()] if sent else faults


def view_of(records: Iterable[Record]) -> View:
    """Return records as a reader would believe them to be."""
    return {each.id: (each.position, digest(each.body)) for each in records}


def _faults_of_walks(
    stream: RecordStream, there: dict[str, Record | Tombstone | None]
) -> Iterable[str]:
    down = walked(stream, limit=100, descending=True)
    up = walked(stream, limit=37, descending=False)
    keys = [(each.created_at, each.id) for each in up]
    if keys != sorted(set(keys)):
        yield "a walk is out of order, or repeats something"
    if down[::-1] != up:
        yield "walks in both directions differ"
    live = {each.id: each for each in there.values() if isinstance(each, Record)}
    found = {each.id: each for each in up}
    for item_id in live.keys() ^ found.keys():
        yield f"{item_id} is found only by {'its id' if item_id in live else 'walking'}"


def _faults_of_view(stream: RecordStream, found: Reading) -> Iterable[str]:
    truth = view_of(walked(stream, limit=200, descending=True, group=found.group))
    for item_id in truth.keys() | found.view.keys():
        if truth.get(item_id) != found.view.get(item_id):
            yield (
                f"{found.name} believes {item_id} to be {found.view.get(item_id)},"
                f" and it is {truth.get(item_id)}"
            )


def _faults_of_item(
    item_id: str, writes: list[Sent], stands: Record | Tombstone | None
) -> Iterable[str]:
    """Hold what stands at an id to its last acknowledged write, or a later one without answer."""
    done = [each for each in writes if each.outcome == "written"]
    unknown = [each for each in writes if not each.outcome]
    last = max(done, key=lambda each: each.position or 0, default=None)
    found = digest(stands.body) if isinstance(stands, Record) else ""
    at = stands.position if stands is not None else 0
    acknowledged = (last.position or 0) if last is not None else 0
    if at < acknowledged:
        yield f"{item_id}: {last} was acknowledged, and there is {stands}"
    elif at == acknowledged and last is not None and last.digest != found:
        yield f"{item_id}: {last} was acknowledged, and at its position is {stands}"
    elif at > acknowledged and found not in [each.digest for each in unknown]:
        yield f"{item_id}: nobody wrote {stands}; last was {last}"


class _Ledger:
    """Every write has one position, and every position one write."""

    def __init__(self, sent: Sequence[Sent], readings: Sequence[Reading]) -> None:
        self.sent = sent
        self.seen: dict[str, set[int]] = defaultdict(set)  # where a digest was read
        self.gone: dict[str, set[int]] = defaultdict(set)  # where an id was read to be gone
        for reader in readings:
            for position, item_id, found in reader.seen:
                if found:
                    self.seen[found].add(position)
                elif not reader.group:  # to a filter, an item may be gone that is there
                    self.gone[item_id].add(position)

    def faults(self) -> Iterable[str]:
        """Yield what does not fit."""
        yield from self._of_answers()
        yield from self._of_puts()
        yield from self._of_deletes()

    def _of_answers(self) -> Iterable[str]:
        given: dict[int, Sent] = {}
        for each in self.sent:
            if each.outcome == "written":
                assert each.position is not None
                if each.position in given:
                    yield f"{each} and {given[each.position]} have one position"
                given[each.position] = each

    def _of_puts(self) -> Iterable[str]:
        puts = {each.digest: each for each in self.sent}
        for found, positions in self.seen.items():
            write = puts.get(found)
            if write is None:
                yield f"somebody read {found}, which nobody wrote"
                continue
            if write.outcome == "written":
                positions.add(write.position or 0)
            elif write.outcome:
                yield f"{write} was refused, and read at {positions}"
            if len(positions) > 1:
                yield f"{write} happened at each of {sorted(positions)}"

    def _of_deletes(self) -> Iterable[str]:
        deletes: dict[str, list[Sent]] = defaultdict(list)
        for each in self.sent:
            if each.operation == "delete":
                deletes[each.id].append(each)
        for item_id, positions in self.gone.items():
            known = {each.position for each in deletes[item_id] if each.outcome == "written"}
            unknown = sum(not each.outcome for each in deletes[item_id])
            if len(positions - known) > unknown:
                yield f"{item_id} was deleted at {positions - known}, which nobody did"


def check(faults: Sequence[str], said: Any = "") -> None:
    """Fail with the first faults there are."""
    assert not faults, "\n".join([f"{len(faults)} faults; {said}", *faults[:20]])
