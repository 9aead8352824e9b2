"""A program of its own, on green threads: how long a sweep of many items leaves others no turn."""

from __future__ import annotations

import gc
import json
from typing import Final

import msgspec

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.dictshield.fields import StringField  # noqa: E402, after the patch
from brubeck.storage import Delete, FieldInfo, Put, RecordSchema, RecordStream  # noqa: E402, likewise
from brubeck.storage.opening import open_storage  # noqa: E402, likewise
from brubeck.storage.schema import MAX_VALUES  # noqa: E402, likewise
from tests.neighbours import longest_hold, neighbour  # noqa: E402, after the patch

ITEMS: Final = 20_000
ROOMS: Final = 2000
VIEWED: Final = 200
SHARED: Final = RecordSchema({"readers": FieldInfo("list", item_kind="string")}, sight=("readers",))


class Note(StreamedDocument):
    """An item."""

    text = StringField()


class Notes(StreamHandler):
    """A stream with too many items."""

    model = Note
    path = "/notes"
    retain = 10


class Rooms(StreamHandler):
    """A stream with many partitions, of which each has one item too many."""

    model = Note
    path = "/rooms/<room>"
    retain = 1


class Kept(StreamHandler):
    """A stream of which nothing is to be removed."""

    model = Note
    path = "/kept"


def measure() -> dict[str, float]:
    """Return the longest hold (seconds of CPU time) of each kind of sweep."""
    app = Brubeck(streams=[Notes, Rooms, Kept], storage="memory://")
    notes, rooms, kept = (app.stream(each) for each in (Notes, Rooms, Kept))
    for stream in (notes, kept):
        for _ in range(ITEMS // 1000):
            stream.insert_many([{"text": "x"}] * 1000)
    for number in range(ROOMS):
        rooms.insert_many([{"text": "x"}] * 2, partition=f"r{number}")
    records = kept.opened("")
    shared = open_storage("memory://").records("shared", SHARED)
    of_many = list(map(_of_many, range(VIEWED)))
    records.purge(records.head().position)
    gc.collect()
    gc.freeze()  # what is there by now is not gone through by each collection
    with neighbour() as turns:
        return {
            "items": longest_hold(turns, notes.sweep),
            "partitions": longest_hold(turns, rooms.sweep),
            "what is purged": longest_hold(turns, lambda: records.purge(records.head().position)),
            "what many see": longest_hold(turns, lambda: shared.write(of_many)),
            "what many saw": longest_hold(turns, lambda: _purge_all(shared)),
        }


def _of_many(number: int) -> Put:
    """Return a write of an item with as many viewers as there may be, whom no other has."""
    readers = [f"{number}-{at}" for at in range(MAX_VALUES)]
    body = msgspec.json.encode({"readers": readers})
    return Put(id=f"i{number}", created_at=1, body=body, token=f"t{number}")


def _purge_all(stream: RecordStream) -> None:
    stream.write([Delete(id=f"i{number}", token=f"d{number}") for number in range(VIEWED)])
    stream.purge(stream.head().position)


if __name__ == "__main__":
    print(json.dumps(measure()))
