"""Writes that one script does together are as if each had been done by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brubeck.storage import (
    ChangesQuery,
    Delete,
    FieldInfo,
    PageQuery,
    Put,
    RecordSchema,
    Refused,
    Written,
)
from brubeck.storage.records import Write
from brubeck.storage.redis import RedisStorage
from tests.servers.redis import RedisServer

SCHEMA = RecordSchema(
    {
        "place": FieldInfo("string", True, equality=True),
        "readers": FieldInfo("list", item_kind="string"),
    },
    sight=("readers",),
)


@pytest.fixture(params=["known", "unknown"])
def storage(redis_server: RedisServer, request: pytest.FixtureRequest) -> Iterator[RedisStorage]:
    """Yield a storage whose stream knows, or does not know, how large its items are."""
    with redis_server.client() as client:
        client.flushall()
        storage = RedisStorage(redis_server.url)
        stream = storage.records("notes", SCHEMA)
        stream.write([put("first", "nowhere", 0)])
        assert client.hexists(stream.key, "largest")
        if request.param == "unknown":
            client.hdel(stream.key, "largest")
    yield storage
    storage.close()


def put(item_id: str, place: str, created_at: int = 1, readers: str = "") -> Put:
    """Return a write of an item."""
    body = b'{"place":"%b","readers":[%b]}' % (place.encode(), readers.encode())
    return Put(id=item_id, created_at=created_at, body=body, token=f"{item_id}{place}")


def test_an_id_may_be_written_several_times(storage: RedisStorage) -> None:
    """Each write of it sees the one before, also across what is read and sent together."""
    stream = storage.records("notes", SCHEMA)
    writes: list[Write] = [
        put("a", "one", 10, '"ann"'),
        *(put(f"b{n}", "many", 100 + n) for n in range(50)),
        put("a", "one", 10, '"ann"'),  # its token is known
        put("a", "two", 20),
        Delete(id="a", token="gone"),
        Delete(id="a", token="gone again"),
        put("a", "three", 30, '"bob"'),
        *(put(f"c{n}", "more", 200 + n) for n in range(50)),
        Delete(id="c7", token="c7 gone"),
    ]
    outcomes = stream.write(writes)
    kinds = [each.reason if isinstance(each, Refused) else "written" for each in outcomes]
    assert kinds[51:56] == ["written", "exists", "written", "missing", "written"]
    assert set(kinds[:51] + kinds[56:]) == {"written"}
    assert outcomes[51] == outcomes[0]
    page = stream.page(PageQuery(limit=200, descending=False))
    names = ["first", "a", *(f"b{n}" for n in range(50)), *(f"c{n}" for n in range(50) if n != 7)]
    assert [each.id for each in page.records] == names
    assert page.records[1].created_at == 30
    changes = stream.changes(ChangesQuery(limit=200)).changes
    positions = [each.position for each in outcomes if isinstance(each, Written)]
    last = {write.id: at.position for write, at in zip(writes, outcomes, strict=True)}
    assert {each.id: each.position for each in changes if each.id not in ("first", "a")} == {
        item_id: position for item_id, position in last.items() if item_id != "a"
    }
    assert len(changes) == 102
    assert page.head.position == max(positions)
    assert _seen(storage, "ann") == []
    assert _seen(storage, "bob") == ["a"]


def _seen(storage: RedisStorage, viewer: str) -> list[str]:
    stream = storage.records("notes", SCHEMA)
    page = stream.page(PageQuery(limit=200, viewer=viewer))
    return [each.id for each in page.records]


def test_values_of_new_items_are_remembered(storage: RedisStorage) -> None:
    """What a script packs by hand is what it unpacks later: values, tokens and viewers."""
    stream = storage.records("notes", SCHEMA)
    (made,) = stream.write([put("a", "here", 1, '"ann"')])
    assert stream.write([put("a", "here", 1, '"ann"')]) == [made]
    assert isinstance(made, Written)
    assert _seen(storage, "ann") == ["a"]
    (gone,) = stream.write([Delete(id="a", token="gone", expected=made.position)])
    assert isinstance(gone, Written)
    (found,) = stream.get(["a"], "ann")
    assert found is not None
    assert found.position == gone.position
    assert stream.get(["a"], "bob") == [None]
