"""Backups taken while others write: restored, they are one moment of the stream, in a new era."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from brubeck.storage import ChangesQuery, LostCursor, Record, RecordStream, Storage, Tombstone
from brubeck.storage.mongo.documents import Document
from brubeck.storage.mongo.finalizing import Finalizer, Stream
from brubeck.storage.mongo.record_stream import MongoRecordStream
from brubeck.storage.mongo.writing import Writer
from tests.fire.backups import KEPT, kept
from tests.fire.crew import STREAM, Crew
from tests.fire.grounds import dice
from tests.fire.nursery import Nursery
from tests.fire.verdict import Reading, check, judge, standing, walked
from tests.fire.writes import GROUPS, SCHEMA, Sent, digest, fresh, open_under_fire, send
from tests.soak import often

LASTS = often(15, 30) / 10
"""Seconds that writers write, at the least; the backup is taken in the middle."""


def _new_era(url: str, directory: Path) -> None:
    """Say that a store was restored, as the documentation tells to."""
    (directory / "program.py").write_text("from brubeck import Brubeck\n\napp = Brubeck()\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "brubeck", "storage", "new-era", "program:app"],
        env=os.environ | {"BRUBECK_STORAGE_DEFAULT": url},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "begins the era" in done.stdout


def _faults_of_moment(
    head: int, sent: Sequence[Sent], there: dict[str, Record | Tombstone | None]
) -> Iterable[str]:
    """Hold what stands at each id to the last write up to the head that the backup has.

    A write without an answer may be there as well, and one that the backup has half done is there
    with a new place past that head.
    """
    by_id: dict[str, list[Sent]] = defaultdict(list)
    for each in sent:
        by_id[each.id].append(each)
    for item_id, writes in by_id.items():
        done = {each.position or 0: each for each in writes if each.outcome == "written"}
        stands = there[item_id]
        at = 0 if stands is None else stands.position
        found = digest(stands.body) if isinstance(stands, Record) else ""
        last = max((position for position in done if position <= head), default=0)
        unknown = {each.digest for each in writes if not each.outcome}
        anew = {each.digest for position, each in done.items() if position >= last}
        fits = (
            at == last and (not at or done[at].digest == found),
            at > last and found in unknown,
            at > head and found in anew,
        )
        if not any(fits):
            yield f"{item_id}: at {head} there stood {done.get(last)}, and it is {stands}"


def _faults_of_indexes(stream: RecordStream) -> Iterable[str]:
    """Hold walks with a filter to the walk without."""
    everything = walked(stream, limit=100, descending=False)
    for group in GROUPS:
        mine = [each for each in everything if f'"group":"{group}"'.encode() in each.body]
        if walked(stream, limit=30, descending=False, group=group) != mine:
            yield f"the index does not agree with the items of the group {group}"


def _last_of(sent: Sequence[Sent], readings: Sequence[Reading]) -> int:
    """Return the last position that anybody was told."""
    answered = [each.position or 0 for each in sent]
    return max(answered + [each[0] for reading in readings for each in reading.seen])


def _patient(url: str) -> str:
    """Return a URL for who looks on, and may have to wait while four write without a pause."""
    return re.sub(r"timeout=\d+ms", "timeout=60s", url)


@pytest.mark.parametrize("way", KEPT)
def test_a_backup_that_is_restored_is_one_moment(way: str, crib: Nursery, tmp_path: Path) -> None:
    """Whoever followed is told that its place is lost, and agrees with what there is now."""
    with kept(way, tmp_path) as found:
        crew = Crew(crib, found.ground.url, tmp_path, dice(way), total=400_000)
        storage = open_under_fire(_patient(found.ground.url))
        stream = storage.records(STREAM, SCHEMA)
        heads: list[int] = []

        def back_up() -> None:
            """Take the backup once, when there is something to be in it."""
            if not heads and stream.head().position and len(crew.sent()) > 100:
                heads.append(stream.head().position)
                found.back_up()
                heads.append(stream.head().position)

        try:
            while not heads:
                crew.end()
                crew.work(seconds=120, pause=(0, 0), stops=0, lasts=LASTS, also=back_up)
            send(stream, [fresh("create", "after-the-backup")])
            crew.catch_up(stream)
            lost = stream.head()
        finally:
            crew.end()
            storage.close()
        sent, last = crew.sent(), max(_last_of(crew.sent(), crew.readings()), lost.position)

        crew.move(found.restore())
        _new_era(crew.url, tmp_path)
        storage = open_under_fire(_patient(crew.url))
        stream = storage.records(STREAM, SCHEMA)
        try:
            head = stream.head()
            assert heads[0] <= head.position < last
            assert head.position <= heads[1]
            assert head.era != lost.era
            for place in (lost.position, head.position, 0):
                with pytest.raises(LostCursor):
                    stream.changes(ChangesQuery(limit=1, after=place, era=lost.era))
            stream.changes(ChangesQuery(limit=1))  # what was half done is done by whoever reads
            there = standing(stream, sorted({each.id for each in sent}))
            faults = [*_faults_of_moment(head.position, sent, there), *_faults_of_indexes(stream)]
            anew = [
                each.position for each in there.values() if each and each.position > head.position
            ]
            assert all(position > last for position in anew)

            more = [fresh("create", "after-the-restore"), fresh("create", "another")]
            send(stream, more)
            assert all(each.position and each.position > last for each in more)
            assert stream.get(["after-the-backup"]) == [None]
            for member in crew.readers:
                crew.start(member)
            crew.catch_up(stream)
            readings = crew.readings()
            faults += judge(stream, [], readings, ids=[*there, *(each.id for each in more)])
            faults += _faults_of_indexes(stream)
        finally:
            crew.end()
            storage.close()
    print(way, len(sent), len(anew), crew.tally)
    check(faults, crew.tally)
    assert all(each.lost for each in readings)


class _Dies(Finalizer):
    """Stops before the second step of every write."""

    def take_places(
        self, database: Database[Document], count: int, now: int, deleted: str = ""
    ) -> tuple[int, Stream]:
        """Die."""
        raise InterruptedError


def _begin(storage: Any, stream: RecordStream, write: Sent) -> None:
    """Do the first step of a write, and no more."""
    assert isinstance(stream, MongoRecordStream)
    with storage.server.database() as database:
        indexes = stream._known_indexes()
        writer = Writer(database, _Dies(STREAM), SCHEMA, indexes, storage.clock.micros())
        with pytest.raises(InterruptedError):
            writer.write([write.write()])


def _at(stream: RecordStream, ids: Sequence[str]) -> list[str | None]:
    """Return the digest of what stands at each id, "" for a tombstone."""
    return [
        digest(each.body) if isinstance(each, Record) else None if each is None else ""
        for each in stream.get(ids)
    ]


@pytest.mark.parametrize("way", ["mongo", "mongo-set"])
def test_writes_that_a_backup_has_half_done_are_finished(way: str, tmp_path: Path) -> None:
    """By whoever reads, with places past all that were given out before the loss."""
    with kept(way, tmp_path) as found:
        storage: Storage = open_under_fire(found.ground.url)
        stream = storage.records(STREAM, SCHEMA)
        try:
            old = [fresh("create", "changed"), fresh("create", "deleted")]
            send(stream, old)
            begun = [
                fresh("create", "created"),
                fresh("update", "changed", expected=old[0].position),
                fresh("delete", "deleted"),
            ]
            for each in begun:
                _begin(storage, stream, each)
            durable = fresh("create", "durable")  # and so is what stands before it in the log
            send(stream, [durable])
            found.back_up()
            stream.changes(ChangesQuery(limit=9))  # finishes them here, too
            last = stream.head()
            assert durable.position
            assert last.position > durable.position
        finally:
            storage.close()
        url = found.restore()
        _new_era(url, tmp_path)
        storage = open_under_fire(url)
        stream = storage.records(STREAM, SCHEMA)
        try:
            before = stream.head()
            assert before.position == durable.position
            assert _at(stream, ["created", "changed", "deleted"]) == [
                *(None, old[0].digest, old[1].digest),
            ]
            stream.changes(ChangesQuery(limit=9))  # who finishes them may not be shown them yet
            seen = stream.changes(ChangesQuery(limit=9, after=before.position, era=before.era))
            assert {each.id for each in seen.changes} == {"created", "changed", "deleted"}
            assert all(each.position > last.position for each in seen.changes)
            assert _at(stream, ["created", "changed", "deleted"]) == [
                *(begun[0].digest, begun[1].digest, ""),
            ]
            assert not list(_faults_of_indexes(stream))
        finally:
            storage.close()
