"""A writer: ``python -m tests.fire.writer URL STREAM JOURNAL NAME SEED TOTAL SHARED PACE``.

It notes what it will write, writes, and notes the answer. Where the storage is unavailable it sends
the same writes again, under the same tokens. When it is started again after it was killed, it sends
what has no answer yet once more, or lets it be: then nobody touches that item again.

Most of its items live by themselves, by a short plan (created, updated, deleted, created anew), and
nobody touches them after that. A share of its writes goes to items that all writers write, where
some are refused.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import msgspec

from brubeck.storage import Record, RecordStream, Unavailable
from tests.fire.journal import Journal, entries
from tests.fire.writes import SCHEMA, Operation, Sent, fresh, open_under_fire, send

LIVES = ("c",) * 8 + ("cu", "cu", "cd", "cd", "cud", "cdc")
OPERATIONS: dict[str, Operation] = {"c": "create", "u": "update", "d": "delete"}
START = 1_700_000_000_000
SPAN = 5_000
"""Milliseconds of the timeline that items are strewn over: ties are common."""


class Writer:
    """One writer's mind, as its journal left it."""

    def __init__(self, name: str, path: Path, *, seed: str, shared: int) -> None:
        self.name = name
        self.shared = shared
        self.journal = Journal(path)
        self.number = 0  # of writes that it has set out to do
        self.unanswered: dict[int, list[Sent]] = {}
        self.open: dict[str, Sent] = {}  # own items that have something before them
        for entry in entries(path):
            self._recall(entry)
        self.random = random.Random(f"{seed} {name} {self.number}")

    def _recall(self, entry: dict[str, object]) -> None:
        if "sent" in entry:
            writes = msgspec.convert(entry["sent"], list[Sent])
            self.number = writes[-1].number + 1
            self.unanswered[writes[0].number] = writes
        elif "answered" in entry:
            for write in msgspec.convert(entry["answered"], list[Sent]):
                self.unanswered.pop(write.number, None)
                self._go_on(write)
        elif "let be" in entry:
            self.unanswered.clear()

    def _go_on(self, write: Sent) -> None:
        self.open.pop(write.id, None)
        if write.then and write.outcome == "written":
            self.open[write.id] = write

    def recover(self, stream: RecordStream) -> None:
        """See to what was under way when it was killed."""
        for writes in list(self.unanswered.values()):
            if self.random.random() < 0.5:
                self.do(stream, writes)
            else:
                self.journal.note(**{"let be": [each.number for each in writes]})
                for each in writes:
                    self.open.pop(each.id, None)
        self.unanswered = {}

    def step(self, stream: RecordStream) -> None:
        """Write something."""
        writes = self._choose(stream)
        for each in writes:
            each.number = self.number
            self.number += 1
        self.journal.note(sent=writes)
        self.do(stream, writes)

    def do(self, stream: RecordStream, writes: list[Sent]) -> None:
        """Send writes until there is an answer."""
        while True:
            try:
                send(stream, writes)
            except Unavailable as reason:
                self.journal.note(unavailable=str(reason)[:200])
                time.sleep(self.random.uniform(0, 0.1))
            else:
                break
        self.journal.note(answered=writes)
        for each in writes:
            self._go_on(each)

    def _choose(self, stream: RecordStream) -> list[Sent]:
        if self.random.random() < 0.2:
            return [self._shared(stream)]
        if self.open and self.random.random() < 0.4:
            return [self._next_of(self.random.choice(list(self.open.values())))]
        count = self.random.choice((1, 1, 1, 1, 1, 1, 3))
        return [self._new(number) for number in range(count)]

    def _new(self, number: int) -> Sent:
        life = self.random.choice(LIVES)
        item_id = f"{self.name}-{self.number + number}"
        return fresh("create", item_id, created_at=self._moment(), then=life[1:])

    def _next_of(self, known: Sent) -> Sent:
        operation, then = OPERATIONS[known.then[0]], known.then[1:]
        expected = known.position if operation == "update" else None
        at = self._moment() if operation == "create" else known.created_at
        return fresh(operation, known.id, created_at=at, expected=expected, then=then)

    def _shared(self, stream: RecordStream) -> Sent:
        item_id = f"shared-{self.random.randrange(self.shared)}"
        try:
            (found,) = stream.get([item_id])
        except Unavailable:
            found = None
        if not isinstance(found, Record):
            return fresh("create", item_id, created_at=self._moment())
        if self.random.random() < 0.4:
            return fresh("delete", item_id)
        return fresh("update", item_id, created_at=found.created_at, expected=found.position)

    def _moment(self) -> int:
        return START + self.random.randrange(SPAN)


def main(
    url: str,
    name: str,
    path: str,
    who: str,
    seed: str,
    total: str,
    shared: str,
    pace: str = "0",
) -> None:
    """Write until so many writes have been set out to, with up to a pause after each."""
    writer = Writer(who, Path(path), seed=seed, shared=int(shared))
    storage = open_under_fire(url)
    stream = storage.records(name, SCHEMA)
    writer.recover(stream)
    while writer.number < int(total):
        writer.step(stream)
        if float(pace):
            time.sleep(writer.random.uniform(0, float(pace)))
    writer.journal.note(done=writer.number)
    storage.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
