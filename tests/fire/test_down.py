"""A storage that is down or stands still says so in time, and comes back by itself."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from brubeck.storage import ChangesQuery, PageQuery, RecordStream, Unavailable
from tests.fire.crew import STREAM
from tests.fire.grounds import GROUNDS, TIMEOUT, sqlite_ground
from tests.fire.writes import SCHEMA, fresh, open_under_fire, send
from tests.servers import wait_until
from tests.servers.mongo import MongoServer
from tests.servers.processes import suspend
from tests.servers.redis import RedisServer

SERVERS: Final = ("redis", "mongo", "mongo-set")
SLACK: Final = 0.9
"""Seconds that a busy machine may add."""
ACTIONS: Final[dict[str, Callable[[RecordStream], object]]] = {
    "head": lambda stream: stream.head(),
    "get": lambda stream: stream.get(["known"]),
    "page": lambda stream: stream.page(PageQuery(limit=5)),
    "changes": lambda stream: stream.changes(ChangesQuery(limit=5)),
    "count": lambda stream: stream.count(PageQuery(limit=5)),
}


def _assert_refused_in_time(*actions: Callable[[], object]) -> None:
    """Do all of it at once: nobody waits longer because others wait, too."""

    def refused(action: Callable[[], object]) -> float:
        began = monotonic()
        with pytest.raises(Unavailable):
            action()
        return monotonic() - began

    with ThreadPoolExecutor(len(actions)) as pool:
        waited = list(pool.map(refused, actions))
    assert max(waited) < TIMEOUT + SLACK


def _all_of(stream: RecordStream) -> list[Callable[[], object]]:
    return [partial(action, stream) for action in ACTIONS.values()]


def _is_up(stream: RecordStream) -> bool:
    try:
        stream.head()
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize("ground", SERVERS)
def test_a_server_that_is_down_at_first_is_used_when_it_is_up(ground: str, tmp_path: Path) -> None:
    """Every action is refused in time, and goes as soon as there is somebody to ask."""
    with GROUNDS[ground](tmp_path) as found:
        assert isinstance(found.server, RedisServer | MongoServer)
        found.server.kill()
        storage = open_under_fire(found.url)
        try:
            stream = storage.records(STREAM, SCHEMA)
            write = fresh("create", "known")
            _assert_refused_in_time(*_all_of(stream), lambda: send(stream, [write]))
            found.server.run()
            wait_until(lambda: _is_up(stream), seconds=30)
            send(stream, [write])
            assert write.outcome == "written"
        finally:
            storage.close()


@pytest.mark.parametrize("ground", SERVERS)
def test_a_server_that_stands_still_is_waited_for_no_longer_than_said(
    ground: str, tmp_path: Path
) -> None:
    """No action hangs, and what was being written happens once."""
    with GROUNDS[ground](tmp_path) as found:
        assert found.server is not None
        process = found.server.process
        assert process is not None
        storage = open_under_fire(found.url)
        try:
            stream = storage.records(STREAM, SCHEMA)
            send(stream, [fresh("create", "known")])
            write = fresh("create", "new")
            suspend(process.pid)
            try:
                _assert_refused_in_time(*_all_of(stream), lambda: send(stream, [write]))
            finally:
                process.send_signal(signal.SIGCONT)
            wait_until(lambda: _is_up(stream), seconds=30)
            send(stream, [write])
            again = fresh("create", "new")
            send(stream, [again])
            assert write.outcome == "written"
            assert (again.outcome, again.position) == ("exists", write.position)
        finally:
            storage.close()


def test_a_file_that_another_process_writes_is_waited_for_no_longer_than_said(
    tmp_path: Path,
) -> None:
    """Readers do not wait at all."""
    with sqlite_ground(tmp_path) as found:
        storage = open_under_fire(found.url)
        path = found.url.removeprefix("sqlite:///").partition("?")[0]
        other = sqlite3.connect(path, isolation_level=None)
        try:
            stream = storage.records(STREAM, SCHEMA)
            send(stream, [fresh("create", "known")])
            other.execute("BEGIN IMMEDIATE")
            write = fresh("create", "new")
            _assert_refused_in_time(lambda: send(stream, [write]))
            for action in _all_of(stream):
                action()
            other.execute("ROLLBACK")
            send(stream, [write])
            assert write.outcome == "written"
        finally:
            other.close()
            storage.close()
