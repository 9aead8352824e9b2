"""``mongodb://`` keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from brubeck.storage import ChangesQuery, Delete, Outcome, PageQuery, Storage, Written
from brubeck.storage.conformance import StorageConformance
from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.mongo import MongoStorage
from brubeck.storage.mongo.documents import Document
from brubeck.storage.mongo.finalizing import STREAMS, Finalizer
from brubeck.storage.mongo.storage import ATTEMPTS, CLOCKS_DIFFER, HITS
from brubeck.timekeeping import Clock, HeldClock
from tests.servers.mongo import MongoServer, set_url


class _Mongo(StorageConformance):
    """A database of its own for each storage."""

    database = ""

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        raise NotImplementedError

    def make_storage(self, clock: Clock) -> Storage:
        """Return a storage in a new database."""
        self.database = f"t{uuid4().hex[:12]}"
        return MongoStorage(self.url(self.database), clock=clock)

    def another(self, storage: Storage, clock: Clock) -> Storage:
        """Return the database that was made last, connected to again."""
        return MongoStorage(self.url(self.database), clock=clock)


class TestMongoAlone(_Mongo):
    """Every promise, in a standalone server."""

    @pytest.fixture(autouse=True)
    def _server(self, mongo_server: MongoServer) -> None:
        self.port = mongo_server.port

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"mongodb://127.0.0.1:{self.port}/{database}"


class TestMongoReplicaSet(_Mongo):
    """Every promise, in a replica set."""

    @pytest.fixture(autouse=True)
    def _servers(self, mongo_members: list[MongoServer]) -> None:
        self.members = mongo_members

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return set_url(self.members, database)


@pytest.fixture
def storage(mongo_server: MongoServer) -> Iterator[MongoStorage]:
    """Yield a storage in a database of its own."""
    url = f"mongodb://127.0.0.1:{mongo_server.port}/t{uuid4().hex[:12]}"
    with closing(MongoStorage(url)) as found:
        yield found


def test_a_deletion_that_is_sent_again_has_happened(
    storage: MongoStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a new life takes over its tombstone just when that is looked for."""
    stream = storage.records("notes", SCHEMA)
    stream.write([put_new("a", 1)])
    delete = Delete(id="a", token="t")
    (first,) = stream.write([delete])
    assert isinstance(first, Written)
    look = Finalizer.archived_tombstones
    begun: list[Outcome] = []
    later = [put_new("a", 2)]

    def late(self: Finalizer, *about: Any) -> dict[str, Document]:
        if later:
            begun.extend(stream.write([later.pop()]))
        return look(self, *about)

    monkeypatch.setattr(Finalizer, "archived_tombstones", late)
    assert stream.write([delete]) == [first]
    assert isinstance(begun[0], Written)


def test_a_former_life_is_known_where_the_greatest_deleted_id_is_not(storage: MongoStorage) -> None:
    """A stream's document of an older version does not say it, also after another deletion."""
    stream = storage.records("notes", SCHEMA)
    stream.write([put_new("a", 1), put_new("b", 1)])
    delete = Delete(id="b", token="t")
    (first,) = stream.write([delete])
    with storage.server.database() as database:
        database[STREAMS].update_one({"_id": "notes"}, {"$unset": {"deleted": ""}})
    stream.write([Delete(id="a", token="u"), put_new("b", 2)])
    assert stream.write([delete]) == [first]
    assert [each.id for each in stream.page(PageQuery(limit=9)).records] == ["b"]


def test_a_step_that_no_document_could_hold_is_read_all_the_same(storage: MongoStorage) -> None:
    """Of 16 MiB at the most is what a server sends as one."""
    stream = storage.records("notes", SCHEMA)
    some = [put_new(f"a{number:02}", number, place="x" * 1_000_000) for number in range(18)]
    stream.write(some)
    page = stream.page(PageQuery(limit=18))
    assert [each.id for each in page.records] == ["a17", "a16", "a15"]
    assert page.stopped is not None
    changes = stream.changes(ChangesQuery(limit=18))
    assert [each.id for each in changes.changes] == ["a00", "a01", "a02"]
    assert not changes.caught_up


def _unique(storage: MongoStorage) -> set[str]:
    """Return the unique indexes of a stream and of what is kept beside it; of ids, each is."""
    with storage.server.database() as database:
        return {
            f"{name}.{index}"
            for name in database.list_collection_names()
            for index, about in database[name].index_information().items()
            if about.get("unique")
        }


def test_a_collection_that_may_be_sharded_has_no_unique_index_but_of_ids(
    storage: MongoStorage,
) -> None:
    """A shard key is the id, hashed; the stream works the same."""
    storage.streams()  # the server is asked what it is
    storage.server.sharded = True
    stream = storage.records("quakes", SCHEMA)
    outcomes = stream.write([put_new("a", 1), put_new("b", 2), Delete(id="a", token="d")])
    assert all(isinstance(each, Written) for each in outcomes)
    assert [each.id for each in stream.page(PageQuery(limit=9)).records] == ["b"]
    assert [each.id for each in stream.changes(ChangesQuery(limit=9)).changes] == ["b", "a"]
    assert _unique(storage) == set()


def test_one_server_watches_over_its_positions(storage: MongoStorage) -> None:
    """By an index that no two items stand in at one place."""
    storage.records("quakes", SCHEMA).write([put_new("a", 1)])
    assert _unique(storage) == {"quakes.position"}


def test_what_was_counted_and_kept_for_a_time_goes(mongo_server: MongoServer) -> None:
    """Each window has a count of its own, so what has ended must not stay; an index finds it."""
    clock = HeldClock(1_700_000_000_000_000)
    url = f"mongodb://127.0.0.1:{mongo_server.port}/t{uuid4().hex[:12]}"
    with closing(MongoStorage(url, clock=clock)) as storage, storage.server.database() as database:
        for window in range(3):
            storage.hit(f"ann:{window}", 10)
            storage.attempt(f"key {window}", b"", b"", lease=1, keep=10)
            clock.advance(int((11 + CLOCKS_DIFFER) * 1e6))
        for name in (HITS, ATTEMPTS):
            assert database[name].count_documents({}) == 1
            assert "ends_1" in database[name].index_information()
