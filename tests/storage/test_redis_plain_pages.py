"""Pages as plain commands are those of the script, whatever comes between two of the commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck.storage import (
    ChangesQuery,
    Delete,
    FieldInfo,
    Head,
    LostCursor,
    Page,
    PageQuery,
    Put,
    Record,
    RecordSchema,
    TimelineCursor,
    Written,
)
from brubeck.storage.redis import RedisStorage
from brubeck.storage.redis.plain_pages import NotPlain, PlainPages
from brubeck.storage.redis.record_stream import RedisRecordStream
from brubeck.storage.sizes import STEP_BYTES
from tests.servers.redis import RedisServer

SCHEMA = RecordSchema({"place": FieldInfo("string")})


@pytest.fixture
def storage(redis_server: RedisServer) -> Iterator[RedisStorage]:
    """Yield a storage in an empty Redis."""
    with redis_server.client() as client:
        client.flushall()
    storage = RedisStorage(redis_server.url)
    yield storage
    storage.close()


def put(item_id: str, created_at: int, body: bytes = b"{}", expected: int | None = None) -> Put:
    """Return a write of an item."""
    token = uuid4().hex
    return Put(id=item_id, created_at=created_at, body=body, token=token, expected=expected)


def delete(item_id: str) -> Delete:
    """Return a deletion."""
    return Delete(id=item_id, token=uuid4().hex)


class Busy(PlainPages):
    """Plain pages, with something that happens between their two exchanges."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def _records(self, connection: Any, ids: list[bytes], head: Head) -> list[Record]:
        self.meanwhile()
        return super()._records(connection, ids, head)


def plain(storage: RedisStorage, stream: RedisRecordStream, query: PageQuery) -> Page | None:
    """Return a page by plain commands alone."""
    with storage.server.commands() as client:
        return PlainPages(stream.key).read(client, query, b"")


def by_script(stream: RedisRecordStream, query: PageQuery, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return a page by the script alone."""

    def never(*_: object) -> None:
        raise NotPlain

    with monkeypatch.context() as patch:
        patch.setattr(PlainPages, "read", never)
        return stream.page(query)


def ids(page: Page | None) -> list[str]:
    """Return the ids on a page."""
    assert page is not None
    return [each.id for each in page.records]


_times = st.integers(0, 4)
_ids = st.sampled_from("abcdefgh")


@settings(max_examples=200)
@given(
    times=st.lists(_times, max_size=8),
    gone=st.sets(_ids),
    limit=st.integers(1, 5),
    descending=st.booleans(),
    start=st.none() | st.builds(TimelineCursor, _times, st.none() | _ids),
    since=st.none() | _times,
    until=st.none() | _times,
)
def test_plain_pages_are_those_of_the_script(
    redis_server: RedisServer,
    times: list[int],
    gone: set[str],
    limit: int,
    descending: bool,
    start: TimelineCursor | None,
    since: int | None,
    until: int | None,
) -> None:
    """Among ties, from a cursor that has vanished, within bounds, either way."""
    storage = RedisStorage(redis_server.url)
    stream = storage.records(f"n{uuid4().hex}", SCHEMA)
    stream.write([put("z", -9)])
    stream.write([put(item_id, at) for item_id, at in zip("abcdefgh", times, strict=False)])
    stream.write([delete(item_id) for item_id in sorted(gone)])
    query = PageQuery(limit=limit, descending=descending, start=start, since=since, until=until)
    with pytest.MonkeyPatch.context() as patch:
        expected = by_script(stream, query, patch)
    try:
        assert plain(storage, stream, query) == expected
    except NotPlain:
        assert start is not None
        assert start.id is not None
        assert times.count(start.created_at) > 1
    assert stream.page(query) == expected
    storage.close()


def test_a_walk_runs_no_script(redis_server: RedisServer, storage: RedisStorage) -> None:
    """Three commands a page, in two exchanges."""
    stream = storage.records("notes", SCHEMA)
    stream.write([put(f"n{n}", n) for n in range(100)])
    query: PageQuery | None = PageQuery(limit=25)
    with redis_server.client() as client:
        client.config_resetstat()
        found = []
        while query is not None:
            page = stream.page(query)
            found += ids(page)
            query = PageQuery(limit=25, start=page.stopped) if page.stopped else None
        calls = {name: each["calls"] for name, each in client.info("commandstats").items()}
    assert found == [f"n{n}" for n in reversed(range(100))]
    assert calls["cmdstat_hmget"] == 2 * calls["cmdstat_zrange"] == 8
    assert "cmdstat_evalsha" not in calls


def test_a_tie_is_read_by_the_script_at_once(storage: RedisStorage) -> None:
    """The pages inside it are found out once, not each time; the others stay plain."""
    stream = storage.records("notes", SCHEMA)
    stream.write([put(f"n{n}", 5) for n in range(9)] + [put("last", 4)])
    pages = PlainPages(stream.key)
    with storage.server.commands() as client:
        for _ in range(2):
            with pytest.raises(NotPlain):
                pages.read(client, PageQuery(limit=2, start=TimelineCursor(5, "n4")), b"")
        assert ids(pages.read(client, PageQuery(limit=2, start=TimelineCursor(5)), b"")) == ["last"]
    page = stream.page(PageQuery(limit=2, start=TimelineCursor(5, "n4")))
    assert (ids(page), page.stopped) == (["n3", "n2"], TimelineCursor(5, "n2"))


@pytest.mark.parametrize("how", ["deleted", "purged", "updated", "reborn"])
def test_what_is_written_between_two_commands_is_found_out(storage: RedisStorage, how: str) -> None:
    """The page is then read in one step, and it is right."""
    stream = storage.records("notes", SCHEMA)
    stream.write([put(item_id, at * 10) for at, item_id in enumerate("abcde")])

    def meanwhile() -> None:
        if how == "updated":
            (found,) = stream.get(["c"])
            assert isinstance(found, Record)
            stream.write([put("c", 20, b'{"place":"new"}', found.position)])
            return
        stream.write([delete("c")])
        if how == "purged":
            stream.purge(stream.head().position)
        if how == "reborn":
            stream.write([put("c", 5)])

    pages = Busy(stream.key)
    pages.meanwhile = meanwhile
    query = PageQuery(limit=3)
    with storage.server.commands() as client, pytest.raises(NotPlain):
        pages.read(client, query, b"")
    assert ids(stream.page(query)) == (["e", "d", "c"] if how == "updated" else ["e", "d", "b"])
    assert ids(plain(storage, stream, query)) == ids(stream.page(query))


def test_large_items_are_not_read_all_at_once(storage: RedisStorage) -> None:
    """A page ends with the item that fills it, however it is read."""
    stream = storage.records("notes", SCHEMA)
    large = b'{"place":"%b"}' % (b"x" * (STEP_BYTES // 4))
    stream.write([put(f"s{n}", n) for n in range(20)])
    assert len(ids(plain(storage, stream, PageQuery(limit=20)))) == 20
    stream.write([put(f"t{n}", 100 + n, large) for n in range(20)])
    with pytest.raises(NotPlain):
        plain(storage, stream, PageQuery(limit=20))
    page = stream.page(PageQuery(limit=20))
    assert (len(page.records), page.stopped) == (4, TimelineCursor(116, "t16"))
    assert len(ids(stream.page(PageQuery(limit=20, start=TimelineCursor(100, "t0"))))) == 20


def test_a_head_that_is_known_gives_no_page(storage: RedisStorage) -> None:
    """And one that has moved on gives one."""
    stream = storage.records("notes", SCHEMA)
    stream.write([put("a", 1)])
    head = stream.page(PageQuery(limit=5)).head
    assert stream.page_unless(PageQuery(limit=5), head) is None
    stream.write([put("b", 2)])
    page = stream.page_unless(PageQuery(limit=5), head)
    assert ids(page) == ["b", "a"]


def test_a_server_that_was_restarted_begins_a_new_era(tmp_path: Path) -> None:
    """Behind a client that goes on, whichever it reads first: its run id is asked for again."""
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    server.run()
    storage = RedisStorage(server.url)
    stream = storage.records("notes", SCHEMA)
    (made,) = stream.write([put("a", 1)])
    assert isinstance(made, Written)
    heads = [stream.page(PageQuery(limit=5)).head]
    for _ in range(2):
        server.kill()
        server.run()
        page = stream.page(PageQuery(limit=5))
        assert ids(page) == ["a"]
        assert page.head.era not in {head.era for head in heads}
        assert ids(plain(storage, stream, PageQuery(limit=5))) == ["a"]
        assert stream.head() == page.head
        with pytest.raises(LostCursor):
            stream.changes(ChangesQuery(limit=5, after=made.position, era=heads[-1].era))
        heads.append(page.head)
    storage.close()
    server.stop()
