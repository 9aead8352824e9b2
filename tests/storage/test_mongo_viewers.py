"""Items that thousands could see: what a MongoDB keeps of them, and their purge, are bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from bson.int64 import Int64

from brubeck.storage import (
    Changes,
    ChangesQuery,
    Delete,
    FieldInfo,
    LostCursor,
    PageQuery,
    Put,
    RecordSchema,
    RecordStream,
    Written,
)
from brubeck.storage.mongo import MongoStorage
from brubeck.storage.mongo.documents import MAX_DEPARTED, OURS
from brubeck.storage.mongo.finalizing import tombstones_name
from brubeck.storage.mongo.horizons import HORIZONS
from brubeck.storage.schema import MAX_VALUES
from tests.servers.mongo import MongoServer

NAMES = tuple(f"text{number}" for number in range(40))
SCHEMA = RecordSchema(
    {
        "readers": FieldInfo("list", item_kind="string"),
        **{name: FieldInfo("string", True) for name in NAMES},
    },
    sight=("readers",),
)
LONG = 128
"""The length of the longest name of a viewer."""


@pytest.fixture
def storage(mongo_server: MongoServer) -> Iterator[MongoStorage]:
    """Yield an empty storage."""
    url = f"mongodb://127.0.0.1:{mongo_server.port}/v{uuid4().hex[:12]}"
    with closing(MongoStorage(url)) as storage:
        yield storage


def put(readers: list[str], expected: int | None = None, item_id: str = "a", **members: str) -> Put:
    """Return a write of an item with these readers."""
    body = msgspec.json.encode({"readers": readers, **members})
    token = uuid4().hex
    return Put(id=item_id, created_at=1, body=body, token=token, expected=expected)


def written(stream: RecordStream, write: Put | Delete) -> int:
    """Write, and return the position."""
    (outcome,) = stream.write([write])
    assert isinstance(outcome, Written)
    return outcome.position


def readers_of(number: int) -> list[str]:
    """Return so many names that no other number has."""
    return [f"{number}-{at}-".ljust(LONG, "é") for at in range(MAX_VALUES)]


def _from(here: Changes, viewer: str) -> ChangesQuery:
    return ChangesQuery(limit=9, after=here.position, era=here.era, viewer=viewer)


def _kept(storage: MongoStorage) -> Any:
    with storage.server.database() as database:
        found = database["notes"].find_one({"_id": "a"})
    assert found is not None
    return found[OURS]


def test_an_item_whose_readers_are_replaced_over_and_over_can_still_be_written(
    storage: MongoStorage,
) -> None:
    """Those who departed first lose their place; the last ones are told, and the others read."""
    stream = storage.records("notes", SCHEMA)
    position = written(stream, put(readers_of(0)))
    places = {0: stream.changes(ChangesQuery(limit=9, viewer=readers_of(0)[0]))}
    for number in range(1, 16):
        position = written(stream, put(readers_of(number), position))
        places[number] = stream.changes(ChangesQuery(limit=9, viewer=readers_of(number)[0]))
    assert len(_kept(storage)["departed"]) == MAX_DEPARTED
    for number in range(15):
        here = places[number]
        query = ChangesQuery(
            limit=9, after=here.position, era=here.era, viewer=readers_of(number)[0]
        )
        if number < 5:
            with pytest.raises(LostCursor):
                stream.changes(query)
        else:
            assert [each.record for each in stream.changes(query).changes] == [None]
    assert [each.id for each in stream.page(PageQuery(limit=9, viewer=readers_of(15)[0])).records]


def test_an_item_that_has_too_many_already_keeps_the_last_ones(storage: MongoStorage) -> None:
    """Those that an earlier version kept are purged by the next write."""
    stream = storage.records("notes", SCHEMA)
    position = written(stream, put(readers_of(0)))
    departed = [{"v": f"v{at}", "p": Int64(1 + at)} for at in range(5000)]
    with storage.server.database() as database:
        database["notes"].update_one({"_id": "a"}, {"$set": {f"{OURS}.departed": departed}})
    position = written(stream, put(readers_of(1), position))
    kept = [each["v"] for each in _kept(storage)["departed"]]
    assert kept == [f"v{at}" for at in range(4100, 5000)] + sorted(readers_of(0))
    assert stream.changes(ChangesQuery(limit=9)).position == position


def test_former_values_leave_room_for_the_last_step(storage: MongoStorage) -> None:
    """Forty fields of long texts, each of which was replaced dozens of times."""
    stream = storage.records("notes", SCHEMA)
    position = None
    for number in range(40):
        members = {name: f"{number}-".ljust(1000, "\U0001d11e") for name in NAMES}
        position = written(stream, put(["ann"], position, **members))
    former = _kept(storage)["former"]
    assert len(msgspec.json.encode(former)) < 5 << 20
    assert stream.changes(ChangesQuery(limit=9)).position == position


@pytest.mark.parametrize("deleted", [True, False])
def test_a_purge_goes_piece_by_piece(storage: MongoStorage, deleted: bool) -> None:
    """Tombstones, or items, with a hundred viewers each that nobody else has."""
    stream = storage.records("notes", SCHEMA)
    count = 250
    ids = [f"i{number}" for number in range(count)]
    made = stream.write([put(readers_of(at), item_id=each) for at, each in enumerate(ids)])
    places = [each.position for each in made if isinstance(each, Written)]
    here = stream.changes(ChangesQuery(limit=9, viewer=readers_of(7)[0]))
    if deleted:
        stream.write([Delete(id=each, token=f"d{each}") for each in ids])
    else:
        again = zip(ids, places, strict=True)
        stream.write([put(["ann"], place, each) for each, place in again])
    assert stream.purge(stream.head().position) == (count if deleted else 0)
    with storage.server.database() as database:
        assert database[HORIZONS].count_documents({}) == count * MAX_VALUES
        assert database[tombstones_name("notes")].count_documents({}) == 0
        assert database["notes"].count_documents({f"{OURS}.departed.p": {"$exists": True}}) == 0
    with pytest.raises(LostCursor):
        stream.changes(
            ChangesQuery(limit=9, after=here.position, era=here.era, viewer=readers_of(7)[0])
        )
    seen = stream.page(PageQuery(limit=300, viewer="ann")).records
    assert len(seen) == (0 if deleted else count)
