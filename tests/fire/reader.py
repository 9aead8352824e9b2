"""A reader: ``python -m tests.fire.reader URL STREAM JOURNAL LIMIT GROUP``.

It follows the changes for ever, and notes each step whole, with the place it came to. When it is
started again it goes on from the last place it noted. A place that is lost is noted, too, and it
starts over.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from brubeck.storage import (
    Changes,
    ChangesQuery,
    FieldCondition,
    LostCursor,
    RecordStream,
    Unavailable,
)
from tests.fire.journal import Journal, last_entry
from tests.fire.writes import SCHEMA, digest, open_under_fire


class Follower:
    """A place in a stream's changes; ``group`` follows only what meets that filter."""

    def __init__(self, stream: RecordStream, *, limit: int, group: str = "") -> None:
        where = (FieldCondition("group", "eq", group),) if group else ()
        self.stream = stream
        self.beginning = self.query = ChangesQuery(limit=limit, where=where)

    def step(self) -> dict[str, Any]:
        """Take a step, and return it as it goes into a journal."""
        try:
            found = self.stream.changes(self.query)
        except LostCursor as reason:
            self.query = self.beginning
            return {"lost": str(reason)}
        self.go_on(found.position, found.era, found.began)
        return noted(found)

    def go_on(self, position: int, era: str, began: int) -> None:
        """Stand at a place."""
        self.query = msgspec.structs.replace(self.query, after=position, era=era, began=began)


def noted(found: Changes) -> dict[str, Any]:
    """Return a step as it goes into a journal."""
    changes = [
        (each.position, each.id, "" if each.record is None else digest(each.record.body))
        for each in found.changes
    ]
    return {
        "changes": changes,
        "position": found.position,
        "era": found.era,
        "began": found.began,
        "caught_up": found.caught_up,
    }


def main(url: str, name: str, path: str, limit: str, group: str = "") -> None:
    """Follow, for ever."""
    storage = open_under_fire(url)
    follower = Follower(storage.records(name, SCHEMA), limit=int(limit), group=group)
    last = last_entry(Path(path), "position", "lost")
    if last is not None and "position" in last:
        follower.go_on(last["position"], last["era"], last["began"])
    journal = Journal(Path(path))
    while True:
        try:
            step = follower.step()
            journal.note(**step)
            if step.get("caught_up"):
                follower.stream.wait(step["position"], 0.5)
        except Unavailable as reason:
            journal.note(unavailable=str(reason)[:200])
            time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
