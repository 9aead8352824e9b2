"""A slot of a Redis Cluster that is moved: every operation is done whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from brubeck.storage import ChangesQuery, LostCursor, PageQuery, RecordStream, Unavailable
from tests.fire.verdict import walked
from tests.fire.writes import SCHEMA, Sent, fresh, open_under_fire, send
from tests.servers.redis import redis_cluster, redis_newcomer
from tests.servers.resharding import Resharding

KEY: Final = "brubeck:{quakes}"
READS: Final[dict[str, Callable[[RecordStream], int]]] = {
    "page": lambda stream: len(stream.page(PageQuery(limit=100)).records),
    "changes": lambda stream: len(stream.changes(ChangesQuery(limit=100)).changes),
    "count": lambda stream: stream.count(PageQuery(limit=100)).total,
}


def _tried(action: Callable[[], object]) -> object:
    try:
        return action()
    except Unavailable as reason:
        return str(reason)


def test_what_is_done_while_a_slot_is_moved_is_done_whole(tmp_path: Path) -> None:
    """After each key that is moved, to a master that is new; what is refused leaves no trace."""
    with redis_cluster(tmp_path, 1) as masters:
        storage = open_under_fire(f"redis+cluster://127.0.0.1:{masters[0].port}?timeout=2s")
        stream = storage.records("quakes", SCHEMA)
        known = [fresh("create", f"known-{number}", created_at=number) for number in range(20)]
        send(stream, known)
        before = stream.head()
        with redis_newcomer(tmp_path, masters) as target, ThreadPoolExecutor(4) as pool:
            moving = Resharding([*masters, target], KEY)
            for number, _ in enumerate(moving.steps(target)):
                write = fresh("create", f"new-{number}", created_at=number)
                reads = [pool.submit(_tried, partial(do, stream)) for do in READS.values()]
                written = pool.submit(_tried, partial(send, stream, [write]))
                assert all(stream.get([each.id]) != [None] for each in known)
                found = [each.result() for each in (*reads, written)]
                refused = [each for each in found if isinstance(each, str)]
                assert all("The slot is being moved" in each for each in refused)
                # One that is read while it is written may be seen or not.
                assert {*found} - {*refused, None} <= {len(known), len(known) + 1}
                if write.outcome:
                    known.append(write)
            assert len(moving.moved) >= 8
            assert len(known) < 20 + number
            _assert_whole(stream, known)
            with pytest.raises(LostCursor):
                stream.changes(ChangesQuery(limit=1, after=before.position, era=before.era))
            storage.close()
            with target.client() as client:
                assert client.exists(f"{KEY}:items")
                assert not client.exists(f"{KEY}:absent")


def _assert_whole(stream: RecordStream, known: list[Sent]) -> None:
    """Nothing is there but what was acknowledged, in every order."""
    ids = sorted(each.id for each in known)
    assert sorted(each.id for each in walked(stream, limit=7, descending=True)) == ids
    changes = stream.changes(ChangesQuery(limit=100)).changes
    assert [each.position for each in changes] == sorted(each.position or 0 for each in known)
    by_group = [walked(stream, limit=7, descending=False, group=group) for group in "abc"]
    assert sorted(each.id for group in by_group for each in group) == ids
