"""No two streams, and no two viewers, share a collection or a key, whatever they are called."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from brubeck.storage import Delete, Put, RecordSchema, Storage, Written, open_storage
from brubeck.storage.mongo.finalizing import STREAMS, items_name, tombstones_name
from brubeck.storage.mongo.horizons import HORIZONS
from brubeck.storage.mongo.storage import ATTEMPTS, HITS
from brubeck.storage.records import PageQuery
from brubeck.streams.paths import declare_path
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

_parts = st.sampled_from(
    ("a", ".", "tombstones", "brubeck", "items", "streams", "system", "/", "#", "%", "%2E", "$")
)
_names = st.lists(_parts, min_size=1, max_size=6).map("".join)
LONG = "x" * 65


@given(_names, _names)
@example("ella", "ella.tombstones")
@example("a", "brubeck.tombstones.a")
@example("brubeck.items.a", "brubeck.a")
def test_no_two_collections_of_a_mongodb_share_a_name(one: str, other: str) -> None:
    """Items, tombstones, and what belongs to all streams."""
    names = {make(each) for each in {one, other} for make in (items_name, tombstones_name)}
    assert len(names) == 2 * len({one, other})
    assert not names & {STREAMS, HITS, ATTEMPTS, HORIZONS}


@given(_names)
@example("a.")
@example(".a")
@example("a..b")
@example("system.log")
@example("users.a.system.b")
@example("a$b")
def test_every_name_of_a_stream_has_a_collection_that_mongodb_permits(name: str) -> None:
    """By the rules of the driver, and of the server."""
    for collection in (items_name(name), tombstones_name(name)):
        assert ".." not in collection
        assert "$" not in collection
        assert not collection.startswith((".", "system.")), collection
        assert not collection.endswith("."), collection
        assert ".system." not in collection, collection


@pytest.mark.parametrize("name", ["a.", "a..b", "users.a.system.b", "system.log", "a$b", "a%2E"])
def test_streams_of_odd_names_are_kept_in_a_mongodb(mongo_server: MongoServer, name: str) -> None:
    """Written, read and deleted, as in any other storage."""
    name = f"{name}" if name.startswith("system") else f"{uuid4().hex[:6]}{name}"
    storage = open_storage(f"mongodb://127.0.0.1:{mongo_server.port}/names")
    try:
        records = storage.records(name, RecordSchema({}))
        (written,) = records.write(
            [Put(id="x", created_at=1, body=b'{"id":"x"}', token=uuid4().hex)]
        )
        assert isinstance(written, Written), written
        assert [each.id for each in records.page(PageQuery(limit=5)).records] == ["x"]
        (gone,) = records.write([Delete(id="x", token=uuid4().hex)])
        assert isinstance(gone, Written)
        assert not records.page(PageQuery(limit=5)).records
    finally:
        storage.close()


@given(st.text(max_size=70), st.text(max_size=70))
@example(LONG, f"#{sha1(LONG.encode()).hexdigest()}")
def test_no_two_names_are_one_part_of_a_key(redis_server: RedisServer, a: str, b: str) -> None:
    """A long name is its digest, and no other name is written as one."""
    shared = (files("brubeck.storage.redis") / "lua" / "stream.lua").read_text()
    script = f"{shared}\nreturn short(ARGV[1]) == short(ARGV[2]) and 1 or 0"
    told = [each.encode(errors="replace") for each in (a, b)]
    with redis_server.client() as client:
        assert bool(client.eval(script, 1, "key", *told)) == (told[0] == told[1])


_odd = st.one_of(_names, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9))
_keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,9}", fullmatch=True)
_paths = st.lists(st.sampled_from(("a", "A", "a.b", "a-b", "~", "<k>")), min_size=1, max_size=3)


@pytest.fixture(params=("memory://", "sqlite"))
def local_storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Open a storage that needs no server."""
    url: str = request.param
    return open_storage(f"sqlite:///{tmp_path}/names.db" if url == "sqlite" else url)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_odd, min_size=2, max_size=5, unique=True))
@example(["", ".", "..", "/", "#"])
@example(["a", "A", "\u00e4", "a\u0308", "a/", "a:", "a "])
@example(["a", "a'", 'a"', "a%", "a_", "a;"])
def test_no_two_streams_share_anything_in_a_storage(
    local_storage: Storage, names: list[str]
) -> None:
    """Each has what was written to it, whatever it is called, and is listed by its name."""
    run = uuid4().hex
    called = {name: f"{run}{name}" for name in names}
    for name, stream in called.items():
        body = name.encode().hex()
        put = Put(id="x", created_at=1, body=b'{"is":"%b"}' % body.encode(), token=uuid4().hex)
        local_storage.records(stream, RecordSchema()).write([put])
    for name, stream in called.items():
        found = local_storage.records(stream, RecordSchema()).page(PageQuery(limit=9)).records
        assert [each.body for each in found] == [b'{"is":"%b"}' % name.encode().hex().encode()]
    assert local_storage.streams(run) == sorted(called.values())


@given(st.lists(st.tuples(_paths, _keys), min_size=2, max_size=4))
def test_no_two_partitions_share_a_name(places: list[tuple[list[str], str]]) -> None:
    """Of different paths or keys; where two paths would be one stream, the program is refused."""
    named = {}
    for parts, key in places:
        if parts.count("<k>") > 1:
            continue
        path = "/" + "/".join(parts)
        held = key if "<k>" in parts else ""
        named[path.replace("<k>", "k"), "<k>" in parts, held] = declare_path(path, "X").stream(held)
    for (one, name), (other, other_name) in combinations(named.items(), 2):
        assert (name == other_name) == (one == other)
